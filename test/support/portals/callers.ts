/** Portals that call the portals' API with tokens of their own, and citizens who sign in at them. */
import { expect } from 'vitest'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import { createVisitor } from '../../../src/sandbox/visitor.ts'
import { basic, post } from '../wire.ts'
import { portalDefinition, type World } from '../world.ts'

export interface Change {
  readonly cursor: string
  readonly change: string
  readonly id: string
  readonly sub: string
  readonly method: string
  readonly at: string
}
interface Page {
  readonly changes: readonly Change[]
  readonly next: string
  readonly more: boolean
}
export const grants = ['authorization_code', 'refresh_token', 'client_credentials']

export function createCallers(world: World) {
  let count = 0
  async function open(changes: Record<string, unknown> = {}) {
    const id = `portal-${++count}`
    await world.register(portalDefinition(id, { grant_types: grants, ...changes }))
    const { body } = await tokenOf(id)
    return at(id, { authorization: `Bearer ${String(body['access_token'])}` })
  }
  const tokenOf = (id: string, fields = {}, headers = {}) =>
    post(
      world,
      '/token',
      { grant_type: 'client_credentials', scope: 'legacy_accounts', ...fields },
      { ...basic(id), ...headers },
    )
  const at = (clientId: string, headers: Record<string, string>) => {
    const call = (path: string, init: RequestInit = {}) =>
      speak(path, { ...init, headers: { ...headers, ...(init.headers as Record<string, string>) } })
    const tell = (path: string, body: unknown) =>
      call(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
    return {
      clientId,
      call,
      tell,
      stateOf: (id: string) => tell('state', { id }),
      markPrimary: (id: string) => tell('primary', { id }),
      changesAnswer: () => call('changes'),
      async changes(query = ''): Promise<Page> {
        const { status, body } = await call(`changes${query}`)
        expect(status).toBe(200)
        return body as unknown as Page
      },
      account: (accountId: string, citizen: string, attested = true) =>
        world.legacyAccount({ clientId, accountId, number: citizenNamed(citizen).number, attested }),
      async enter(citizen: string) {
        world.simulator.approve(citizen)
        return (await (await world.portal({ clientId })).signIn({}, createVisitor())).claims.sub
      },
    }
  }
  async function speak(path: string, init: RequestInit) {
    const response = await fetch(`${world.issuer}/legacy-accounts/${path}`, init)
    const body = (await response.json()) as Record<string, unknown>
    return { status: response.status, headers: response.headers, body }
  }
  return { open, at, tokenOf }
}
