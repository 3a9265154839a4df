/** Portals that are handed over: one registrar asks, another approves, and citizens sign in at both portals. */
import { vietnamDate } from '../../../src/vietnam-date.ts'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import { createVisitor } from '../../../src/sandbox/visitor.ts'
import { createCallers, grants } from '../portals/callers.ts'
import { encode, wish } from '../wire.ts'
import { type World, portalDefinition } from '../world.ts'

export const oneDay = 86_400_000
export const inDays = (days: number) => vietnamDate(Date.now() + days * oneDay)

interface Rehome {
  readonly id: string
  readonly subs: 'old' | 'own'
}
interface Held {
  readonly approval: string
}
export type RehomePortal = Awaited<ReturnType<Awaited<ReturnType<typeof openRehoming>>['newPortal']>>

/** Ids of the accounts that a portal received, those of a former portal after its id. */
export const idsOf = (received: Record<string, unknown>) =>
  (received['legacy_accounts'] as { id: string; portal?: string }[])
    .map(({ id, portal }) => (portal === undefined ? id : `${portal}/${id}`))
    .toSorted()

export async function openRehoming(world: World) {
  const registrar = await world.operator('rita.registrar', ['registrar'])
  const colleague = await world.operator('rosa.registrar', ['registrar'])
  const callers = createCallers(world)

  const ask = (from: string, into: string, until = inDays(30)) =>
    registrar.call<Held>('POST', '/v1/rehomes', {
      old_client: from,
      new_client: into,
      until,
      reason: 'the provinces have merged',
    })
  /** One asks, another approves. */
  async function rehome(from: string, into: string, until?: string): Promise<Rehome> {
    const { approval } = await ask(from, into, until)
    await colleague.call('POST', `/v1/approvals/${approval}/approve`)
    const { rehomes } = await registrar.call<{ rehomes: (Rehome & { old_client: string })[] }>(
      'GET',
      '/v1/rehomes?limit=1000',
    )
    return rehomes.find(({ old_client: id }) => id === from)!
  }
  const undo = (from: string) => registrar.call<Rehome>('POST', `/v1/rehomes/${from}/undo`)

  let count = 0
  /** Each portal has a separate host, and so a separate sector. */
  async function newPortal(changes: Record<string, unknown> = {}) {
    const id = `move-${++count}`
    const redirectUri = `http://127.0.0.1:${20_000 + count}/cb`
    const given = (changes['policy'] ?? {}) as { mapping?: object }
    const policy = { ...given, mapping: { former_portals: true, ...given.mapping } }
    await world.register(
      portalDefinition(id, { redirect_uris: [redirectUri], grant_types: grants, ...changes, policy }),
    )
    const portal = await world.portal({
      clientId: id,
      redirectUri,
      scope: 'openid profile legacy_accounts',
    })
    return {
      id,
      redirectUri,
      account: (accountId: string, citizen: string, more: { attested?: boolean; name?: string } = {}) =>
        world.legacyAccount({ clientId: id, accountId, number: citizenNamed(citizen).number, ...more }),
      async enter(citizen: string) {
        world.simulator.approve(citizen)
        const { claims, tokens } = await portal.signIn({}, createVisitor())
        const person = await portal.userinfo(tokens.access_token)
        const received: Record<string, unknown> & { sub: string; idToken: unknown } = {
          ...person,
          idToken: claims.sub,
        }
        return received
      },
      async api() {
        const { body } = await callers.tokenOf(id)
        return callers.at(id, { authorization: `Bearer ${String(body['access_token'])}` })
      },
      isShut: async () => {
        const asked = wish(id, { redirect_uri: redirectUri })
        const { status } = await fetch(`${world.issuer}/auth?${encode(asked)}`, { redirect: 'manual' })
        return status === 403
      },
    }
  }

  return { registrar, colleague, ask, rehome, undo, newPortal }
}
