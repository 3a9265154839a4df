/** Every node applies a change of the registry within five seconds, without a restart (two processes). */
import { expect, inject, test } from 'vitest'
import { agreed } from '../support/registry/agreement.ts'
import { startBroker } from '../support/broker-process.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined

test.skipIf(isMissing)(
  'two nodes on PostgreSQL: a change that an operator makes at one applies at the other within five seconds',
  async () => {
    const world = await openWorld({ database: 'server', state: 'server' })
    const registrar = await world.operator('registrar', ['registrar', 'security_officer'])
    const other = await startBroker(world.settings)
    const id = 'portal-far'
    const ask = async (redirect = portalAddress) => {
      const query = new URLSearchParams({
        client_id: id,
        redirect_uri: redirect,
        response_type: 'code',
        scope: 'openid',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      })
      const { status } = await fetch(`${other.url}/auth?${query.toString()}`, { redirect: 'manual' })
      return status
    }
    const within = { timeout: 5_000, interval: 100 }
    const { client_secret: _, ...portal } = agreed(portalDefinition(id))
    const keyed = {
      ...portal,
      token_endpoint_auth_method: 'none',
      state: 'active',
      grant_types: ['authorization_code'],
    }
    const definition = { ...keyed, scope: 'openid' }
    const put = (changes: object, version: string) =>
      registrar.call('PUT', `/v1/clients/${id}`, { ...definition, ...changes }, { ifMatch: version })

    expect(await ask()).toBe(400)
    await put({}, '0')
    await expect.poll(() => ask(), within).toBe(303)

    const elsewhere = 'http://127.0.0.1:9/elsewhere'
    expect(await ask(elsewhere)).toBe(400)
    await put({ redirect_uris: [elsewhere] }, '2')
    await expect.poll(() => ask(elsewhere), within).toBe(303)
    expect(await ask()).toBe(400)

    await registrar.call('POST', `/v1/clients/${id}/suspend`, { reason: 'an incident' })
    await expect.poll(() => ask(elsewhere), within).not.toBe(303)
    await registrar.call('POST', `/v1/clients/${id}/activate`, {})
    await expect.poll(() => ask(elsewhere), within).toBe(303)
    other.kill('SIGTERM')
    expect(await other.ended).toBe(0)
  },
  60_000,
)
