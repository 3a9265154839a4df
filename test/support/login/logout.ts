/** Logout: portals with a back-channel logout URI, and the pages that the citizen clicks through. */
import * as client from 'openid-client'
import type { Page, Visitor } from '../../../src/sandbox/visitor.ts'
import { openListener } from '../operation/listener.ts'
import { type Portal, press, type SignedIn } from '../portal.ts'
import { openWorld, portalDefinition } from '../world.ts'

export const bye = 'http://127.0.0.1:9/bye'
export const atHome = (url: string) => url.startsWith(bye)
export const loopback = { private_networks: ['127.0.0.0/8'] }
/** The error of a token that has ended. */
export const dead = { status: 401 }

export async function openLogout() {
  const world = await openWorld()
  const listener = await openListener()
  let portals = 0
  async function newPortal(changes: Record<string, unknown> = {}): Promise<Portal & { id: string }> {
    const clientId = `portal-${++portals}`
    await world.register(portalDefinition(clientId, changes))
    return { ...(await world.portal({ clientId, scope: 'openid profile offline_access' })), id: clientId }
  }
  return {
    world,
    listener,
    newPortal,
    /** A portal that receives logout tokens, at a path of the listener that is its id. */
    told: (changes: Record<string, unknown> = {}) =>
      newPortal({
        backchannel_logout_uri: `${listener.url}/portal-${portals + 1}`,
        policy: loopback,
        ...changes,
      }),
    /** How often this browser went to VNeID to sign in. */
    trips: (visitor: Visitor) =>
      visitor.steps.filter(({ url }) => url.startsWith(`${world.simulator.issuer}/oidc/authorize`)).length,
  }
}

/** Opens the question whether to log out. */
export function ask(
  portal: Portal,
  { visitor, tokens }: SignedIn,
  parameters: Record<string, string> = {},
): Promise<Page> {
  const url = client.buildEndSessionUrl(portal.config, { id_token_hint: tokens.id_token!, ...parameters })
  return visitor.open(url.href)
}
export const leaveAll = async (portal: Portal, signedIn: SignedIn): Promise<Page> =>
  press(
    signedIn.visitor,
    await ask(portal, signedIn, { post_logout_redirect_uri: bye }),
    { logout: 'yes' },
    atHome,
  )
