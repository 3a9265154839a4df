/** Secrets and keys of portals change during logins, and a stolen secret is refused on every node. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import pg from 'pg'
import { expect, inject, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { registerClients } from '../../src/sandbox/register.ts'
import { agreed } from '../support/registry/agreement.ts'
import { atEnd } from '../support/at-end.ts'
import { openNode } from '../support/node.ts'
import { recordSecrets } from '../support/record.ts'
import { machine, newSecret, openSecrets } from '../support/registry/secrets.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const periods = { renewal: 50 }
const world = await openWorld({ periods })
const { registrar, newPortal, add, list, revoke, authenticates, until } = await openSecrets(world)

test('a secret is rotated under a stream of logins, and not one fails', { timeout: 60_000 }, async () => {
  const id = await newPortal()
  const next = newSecret()
  let secret = secretOf(id)
  const over = new AbortController()
  const used = new Map<string, number>()
  async function citizens() {
    while (!over.signal.aborted) {
      const mine = secret
      const portal = await world.portal({ clientId: id, auth: client.ClientSecretBasic(mine) })
      const { tokens } = await portal.signIn()
      await portal.refresh(tokens.refresh_token)
      used.set(mine, (used.get(mine) ?? 0) + 1)
    }
  }
  const stream = Promise.all([citizens(), citizens(), citizens()])
  // A login that fails ends the stream, and the test with it.
  const steps = async () => {
    const patiently = { timeout: 20_000, interval: 10 }
    await vi.waitFor(() => expect(used.get(secret)).toBeGreaterThan(2), patiently)
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
    await add(id, next, { retire_others_at: inAnHour })
    await until(true, id, next)
    // Both are valid until all machines of the portal use the new secret.
    expect(await authenticates(id, secretOf(id))).toBe(true)
    secret = next
    await vi.waitFor(() => expect(used.get(next)).toBeGreaterThan(2), patiently)
    const [, old] = await list(id)
    expect(old!.expires_at).toBe(inAnHour)
    // Almost the whole hour passes.
    const end = Date.now() + 300
    await world.db.query('update client_secret set expires_at = $2 where id = $1', [old!.id, new Date(end)])
    await world.db.query('update client set version = version + 1 where id = $1', [id])
    await world.refresh()
    await sleep(Math.max(0, end - Date.now()))
    // The node keeps the secrets that it has read, and uses its own clock.
    expect(await authenticates(id, secretOf(id))).toBe(false)
    const before = used.get(next)!
    await vi.waitFor(() => expect(used.get(next)).toBeGreaterThan(before + 2), patiently)
    over.abort()
  }
  await Promise.race([stream, steps()])
  await stream
})

test('a revoked secret is refused on every node within five seconds, and never comes back', async () => {
  const id = await newPortal()
  const next = newSecret()
  const made = await add(id, next)
  expect(made).toMatchObject({ created_by: 'rita.registrar' })
  expect(Date.parse(made.expires_at) - Date.now()).toBeGreaterThan(364 * 86_400_000)
  const other =
    inject('databaseUrl') && inject('redisUrl') ? await openNode(world.settings, { periods }) : undefined
  try {
    for (const url of [world.issuer, ...(other ? [other.url] : [])]) await until(true, id, next, url)
    const [, first] = await list(id)
    expect(first).toMatchObject({ created_by: null })
    await revoke(id, first!.id)
    for (const url of [world.issuer, ...(other ? [other.url] : [])]) {
      await until(false, id, secretOf(id), url)
      expect(await authenticates(id, next, url)).toBe(true)
    }
    await expect(revoke(id, first!.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(revoke(id, randomUUID())).rejects.toMatchObject({ code: 'not_found' })
    await expect(revoke('nobody', made.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(add(id, secretOf(id))).rejects.toMatchObject({ code: 'state_conflict' })
    // A definition that still names the secret does not restore it.
    const again = registerClients({ db: world.db, log: createLog({ level: 'silent' }), actor: 'test' }, [
      agreed(portalDefinition(id, machine)),
    ])
    await expect(again).rejects.toThrow('was revoked or has expired')

    // The last secret can be revoked too: a stolen secret must not stay because it is the only one.
    await revoke(id, made.id)
    await until(false, id, next)
    expect(await list(id)).toEqual([])
  } finally {
    await other?.stop()
  }
})

test.skipIf(inject('databaseUrl') === undefined)(
  'while an import runs, its portal can be suspended and its secrets can be changed (needs PostgreSQL)',
  { timeout: 30_000 },
  async () => {
    const id = await newPortal()
    const stolen = newSecret()
    const { id: secret } = await add(id, stolen)
    const importing = new pg.Client({ connectionString: world.config.database.url })
    await importing.connect()
    atEnd(() => importing.end())
    await importing.query('begin')
    // A row that references the portal locks it, as each row of an import does until the import commits.
    await importing.query(
      `insert into client_change (client_id, actor, action, version, metadata) values ($1, 'test', 'test', 1, '{}')`,
      [id],
    )
    const done = (async () => {
      await revoke(id, secret)
      await add(id, newSecret())
      await registrar.call('POST', `/v1/clients/${id}/suspend`, { reason: 'a stolen secret' })
      return 'done'
    })()
    expect(await Promise.race([done, sleep(10_000, 'waiting')])).toBe('done')
    await importing.query('rollback')
    await done
  },
)

test("a portal's new keys replace the old ones within five seconds, without a restart", async () => {
  const [old, next] = [
    await generateKeyPair('ES256', { extractable: true }),
    await generateKeyPair('ES256', { extractable: true }),
  ]
  const definition = async ({ publicKey }: typeof old) =>
    portalDefinition('portal-of-keys', {
      ...machine,
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] },
    })
  await world.register(await definition(old))
  const token = async ({ privateKey }: typeof old) => {
    const auth = client.PrivateKeyJwt(privateKey)
    const { config } = await world.portal({ clientId: 'portal-of-keys', auth })
    const { access_token: made } = await client.clientCredentialsGrant(config, { scope: 'legacy_accounts' })
    recordSecrets([made])
  }
  await token(old)
  // Not through `world.register`, which makes the node read the registry at once.
  const log = createLog({ level: 'silent' })
  await registerClients({ db: world.db, log, actor: 'test' }, [agreed(await definition(next))])
  await vi.waitFor(() => token(next), { timeout: 5_000, interval: 10 })
  await expect(token(old)).rejects.toMatchObject({ error: 'invalid_client' })
})
