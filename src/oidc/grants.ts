/**
 * The grant is made by policy, not by a question: portals are registered by the state and VNeID itself
 * shows the citizen what is shared. What the registry does not release is recorded as rejected.
 */
import { hash } from 'node:crypto'
import type { KoaContextWithOIDC as EngineContext, Provider } from 'oidc-provider'
import { arrivalOf } from './arrival.ts'
import { type BrokerGrant, type BrokerSession, fromRecord, toRecord } from './identity-record.ts'
import { type Requirement, requirementOf } from './policy.ts'
import { claimsByScope } from '../registry/scopes.ts'
import { policyOf } from '../registry/clients.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { Link } from '../mapping/links.ts'

/** The engine's own to give (OIDC Core §2): no scope releases them, and none may take them away. */
const engineClaims = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss'])

/** Found or new, not yet saved: `admit` completes it when every check has passed. */
export async function loadExistingGrant(ctx: EngineContext): Promise<BrokerGrant> {
  const { client, session, provider } = ctx.oidc as unknown as {
    client: NonNullable<EngineContext['oidc']['client']>
    session: BrokerSession
    provider: Provider
  }
  const arrival = arrivalOf(ctx)
  if (arrival !== undefined) {
    session.identity = toRecord(arrival.identity)
    session.signedInAt = Math.floor(Date.now() / 1000)
  }

  const grantId = session.grantIdFor(client.clientId)
  const existing: BrokerGrant | undefined =
    grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant: BrokerGrant =
    existing ?? new provider.Grant({ accountId: session.accountId!, clientId: client.clientId })
  if (session.sidFor(client.clientId) === undefined) {
    session.sidFor(client.clientId, derive('sid', session, client.clientId))
  }

  const scopes = [...ctx.oidc.requestParamOIDCScopes]
  grant.addOIDCScope(scopes.join(' '))
  const { claims: allowed } = policyOf(client)
  const standard = new Set<string>(
    scopes.flatMap((scope) => claimsByScope[scope as keyof typeof claimsByScope] ?? []),
  )
  const releasable = new Set<string>(
    client.scope?.split(' ').flatMap((scope) => claimsByScope[scope as keyof typeof claimsByScope] ?? []),
  )
  // Decided anew each time: a portal may have been allowed meanwhile what it was refused before.
  Object.assign(grant, { rejected: {} })
  for (const claim of ctx.oidc.requestParamClaims) {
    if (engineClaims.has(claim)) continue
    const released = releasable.has(claim) && (allowed === undefined || allowed.includes(claim))
    if (released || standard.has(claim)) grant.addOIDCClaims([claim])
    else grant.rejectOIDCClaims([claim])
  }
  return grant
}

/**
 * Two tabs that open one portal at once must end with one grant and one sid, whichever is saved last. Leaving a
 * portal changes the session's id, so what hung on the grant before stays dead.
 */
const derive = (what: string, { oldId, jti }: BrokerSession, clientId: string) =>
  hash('sha256', `${what}\0${oldId ?? jti}\0${clientId}`, 'base64url')

export type AdmitAgain = (
  identity: Identity,
  requirement: Requirement,
  ctx: EngineContext,
) => Promise<readonly Link[]>

/**
 * The last step before the code: the grant takes the identity and this portal's links with it. A person whose
 * session serves again is looked up again: links may be new, the subject may have been disabled.
 */
export function createAdmit({ again, now = Date.now }: { again: AdmitAgain; now?: () => number }) {
  return async function admit(ctx: EngineContext): Promise<void> {
    const session = ctx.oidc.session as BrokerSession
    const grant = ctx.oidc.grant as BrokerGrant
    const arrival = arrivalOf(ctx)
    if (session.identity === undefined) throw new Error('a session without an identity')
    grant.identity = session.identity
    grant.links =
      arrival?.links ??
      (await again(fromRecord(session.identity), requirementOf(ctx.oidc.client!, ctx.oidc.params!), ctx))
    grant.linksAt = Math.floor(now() / 1000)
    grant.linkOutcome = arrival?.linkOutcome
    // Only now has the session a grant here; one that was revoked is followed by one of another id.
    const { clientId } = ctx.oidc.client!
    if (session.grantIdFor(clientId) === undefined) grant.jti = derive('grant', session, clientId)
    await grant.save()
    session.grantIdFor(clientId, grant.jti)
  }
}
