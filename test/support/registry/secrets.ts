/** Secrets of a world's portals: made, listed and revoked by a registrar, and tried at the token endpoint. */
import { createHash, randomBytes } from 'node:crypto'
import { expect, vi } from 'vitest'
import { recordSecrets } from '../record.ts'
import { type World, portalDefinition } from '../world.ts'

export interface ShownSecret {
  readonly id: string
  readonly created_by: string | null
  readonly expires_at: string
}
export const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url')
export function newSecret(): string {
  const secret = randomBytes(32).toString('base64url')
  recordSecrets([secret])
  return secret
}
/** What a portal needs to try a secret without a citizen. */
export const machine = { grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] }

export async function openSecrets(world: World) {
  const registrar = await world.operator('rita.registrar', ['registrar'])
  let count = 0

  /** Whether the portal gets a client credentials token with this secret. */
  async function authenticates(id: string, secret: string, url = world.issuer): Promise<boolean> {
    const answer = await fetch(`${url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'legacy_accounts' }),
    })
    recordSecrets([((await answer.json()) as { access_token?: string }).access_token])
    return answer.status === 200
  }

  return {
    registrar,
    async newPortal(changes: Record<string, unknown> = {}) {
      const id = `portal-${++count}`
      await world.register(portalDefinition(id, { ...machine, ...changes }))
      return id
    },
    add: (id: string, secret: string, more: Record<string, unknown> = {}) =>
      registrar.call<ShownSecret>('POST', `/v1/clients/${id}/secrets`, { hash: hashOf(secret), ...more }),
    list: async (id: string) =>
      (await registrar.call<{ secrets: ShownSecret[] }>('GET', `/v1/clients/${id}/secrets`)).secrets,
    revoke: (id: string, secret: string) =>
      registrar.call('POST', `/v1/clients/${id}/secrets/${secret}/revoke`),
    authenticates,
    /** Waits until the node gives this answer. */
    until: (wanted: boolean, id: string, secret: string, url?: string) =>
      vi.waitFor(async () => expect(await authenticates(id, secret, url)).toBe(wanted), {
        timeout: 5_000,
        interval: 10,
      }),
  }
}
