/** Secrets of portals: two at most, so that one takes the other's place while logins go on. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import pg from 'pg'
import { expect, inject, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { registerClients } from '../../src/sandbox/register.ts'
import { warnOfEndingSecrets } from '../../src/registry/secrets.ts'
import { takeEndingSecrets } from '../../src/store/client-secrets.ts'
import { agreed } from '../support/registry/agreement.ts'
import { atEnd } from '../support/at-end.ts'
import { startBroker } from '../support/broker-process.ts'
import { runAs } from '../support/operators/command.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld()
const registrar = await world.operator('rita.registrar', ['registrar'])
const machine = { grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] }
let count = 0
async function newPortal(changes: Record<string, unknown> = {}) {
  const id = `portal-${++count}`
  await world.register(portalDefinition(id, { ...machine, ...changes }))
  return id
}

interface Told {
  readonly id: string
  readonly created_by: string | null
  readonly expires_at: string
}
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url')
const newSecret = () => {
  const secret = randomBytes(32).toString('base64url')
  recordSecrets([secret])
  return secret
}
const add = (id: string, secret: string, more: Record<string, unknown> = {}) =>
  registrar.call<Told>('POST', `/v1/clients/${id}/secrets`, { hash: hashOf(secret), ...more })
const list = async (id: string) =>
  (await registrar.call<{ secrets: Told[] }>('GET', `/v1/clients/${id}/secrets`)).secrets
const revoke = (id: string, secret: string) =>
  registrar.call('POST', `/v1/clients/${id}/secrets/${secret}/revoke`)

/** 200 or the refusal, of the client itself: no citizen is needed for it. */
async function authenticates(id: string, secret: string, url = world.issuer) {
  const answer = await fetch(`${url}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'legacy_accounts' }),
  })
  recordSecrets([((await answer.json()) as { access_token?: string }).access_token])
  return answer.status === 200
}
const within5s = { timeout: 5_000, interval: 100 }
const until = (wanted: boolean, id: string, secret: string, url?: string) =>
  vi.waitFor(async () => expect(await authenticates(id, secret, url)).toBe(wanted), within5s)

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
    await vi.waitFor(() => expect(used.get(secret)).toBeGreaterThan(5), { timeout: 20_000 })
    const end = new Date(Date.now() + 8_000).toISOString()
    await add(id, next, { retire_others_at: end })
    await until(true, id, next)
    // Both are good, until the portal's machines have all changed over.
    expect(await authenticates(id, secretOf(id))).toBe(true)
    secret = next
    await vi.waitFor(() => expect(used.get(next)).toBeGreaterThan(5), { timeout: 20_000 })
    await sleep(Math.max(0, Date.parse(end) - Date.now()))
    // At its very end, not when the registry is read the next time.
    expect(await authenticates(id, secretOf(id))).toBe(false)
    const before = used.get(next)!
    await vi.waitFor(() => expect(used.get(next)).toBeGreaterThan(before + 3), { timeout: 20_000 })
    over.abort()
  }
  await Promise.race([stream, steps()])
  await stream
})

test('a portal has two secrets at most, also when several are put into service at once', async () => {
  const id = await newPortal()
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => add(id, newSecret())))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'state_conflict' })
  expect(await list(id)).toHaveLength(2)
  const direct = `insert into client_secret (client_id, hash, slot, expires_at) values ($1, $2, 2, now() + interval '1 day')`
  await expect(world.db.query(direct, [id, randomBytes(32)])).rejects.toMatchObject({ code: '23505' })

  // One that has expired makes room.
  const [newest] = await list(id)
  await world.db.query(`update client_secret set expires_at = now() - interval '1 minute' where id = $1`, [
    newest!.id,
  ])
  await add(id, newSecret())
  expect(await list(id)).toHaveLength(2)
})

test.skipIf(inject('databaseUrl') === undefined)(
  'while an import runs, its portal is suspended and its secrets are changed all the same (needs PostgreSQL)',
  { timeout: 30_000 },
  async () => {
    const id = await newPortal()
    const stolen = newSecret()
    const { id: secret } = await add(id, stolen)
    const importing = new pg.Client({ connectionString: world.config.database.url })
    await importing.connect()
    atEnd(() => importing.end())
    await importing.query('begin')
    // A row that names the portal holds it, as each row of an import does until the whole is committed.
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

test('a revoked secret is refused on every node within five seconds, and never comes back', async () => {
  const id = await newPortal()
  const next = newSecret()
  const made = await add(id, next)
  expect(made).toMatchObject({ created_by: 'rita.registrar' })
  expect(Date.parse(made.expires_at) - Date.now()).toBeGreaterThan(364 * 86_400_000)
  const other = inject('databaseUrl') && inject('redisUrl') ? await startBroker(world.settings) : undefined
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
    // Nor by a definition that still names it.
    const again = registerClients({ db: world.db, log: createLog({ level: 'silent' }), actor: 'test' }, [
      agreed(portalDefinition(id, machine)),
    ])
    await expect(again).rejects.toThrow('was revoked or has expired')

    // The last one, too: a stolen secret must not stay for want of another.
    await revoke(id, made.id)
    await until(false, id, next)
    expect(await list(id)).toEqual([])
  } finally {
    other?.kill('SIGTERM')
  }
})

test('what was done to secrets stands in the audit and in the history, and no hash or secret anywhere', async () => {
  const id = await newPortal()
  const secret = newSecret()
  const made = await add(id, secret)
  await revoke(id, made.id)
  const audit = await world.db.query<{ event: string; actor: string; detail: { secret_id: string } }>(
    `select event, actor, detail from audit_event where client_id = $1 and event like 'client.secret%' order by id`,
    [id],
  )
  expect(audit).toMatchObject([
    { event: 'client.secret_created', actor: 'rita.registrar', detail: { secret_id: made.id } },
    { event: 'client.secret_revoked', actor: 'rita.registrar', detail: { secret_id: made.id } },
  ])
  const history = await registrar.call<{ changes: { action: string }[] }>('GET', `/v1/clients/${id}/history`)
  expect(history.changes.map(({ action }) => action).slice(-2)).toEqual(['secret_created', 'secret_revoked'])
  const told = JSON.stringify([audit, history, await list(id), world.logLines])
  for (const what of [secret, hashOf(secret)]) expect(told).not.toContain(what)
})

test('the commands make a secret that is shown once, list what there is with a warning, and revoke', async () => {
  const id = await newPortal()
  async function cli(name: string, args: readonly string[], options = {}) {
    return runAs(registrar, name, args, options)
  }
  const rotated = await cli('client secret rotate', [id], { expires: '20d' })
  const [, secret] = /shown this once: ([\w-]{43})$/.exec(rotated) ?? []
  recordSecrets([secret])
  await until(true, id, secret!)
  const listed = (await cli('client secret list', [id])).split('\n')
  expect(listed).toHaveLength(2)
  expect(listed[0]).toMatch(/made \d{4}-\d\d-\d\d by rita.registrar  ends .*  ENDS IN 19 DAYS$/)
  expect(listed[1]).toMatch(/by its definition  ends .*  ENDS IN 6 DAYS$/)
  expect(listed.join()).not.toContain(secret)
  const [made] = await list(id)
  expect(await cli('client secret revoke', [id, made!.id])).toBe(`revoked ${made!.id}`)
  await until(false, id, secret!)
  expect(await authenticates(id, secretOf(id))).toBe(true)
  await expect(cli('client secret rotate', [id], { 'old-ends': 'soon' })).rejects.toThrow(
    '--old-ends must be a span',
  )
  // At once: the old one is gone when the new one is there.
  const again = await cli('client secret rotate', [id], { 'old-ends': '0d' })
  const [, next] = /shown this once: ([\w-]{43})$/.exec(again) ?? []
  recordSecrets([next])
  await until(true, id, next!)
  expect(await authenticates(id, secretOf(id))).toBe(false)
})

test('what is no secret, no end and no portal of secrets is refused', async () => {
  const id = await newPortal()
  const bad = { code: 'input_invalid' }
  await expect(registrar.call('POST', `/v1/clients/${id}/secrets`, { hash: 'short' })).rejects.toMatchObject(
    bad,
  )
  const past = new Date(Date.now() - 1_000).toISOString()
  await expect(add(id, newSecret(), { expires_at: past })).rejects.toMatchObject(bad)
  await expect(add(id, newSecret(), { expires_at: '2099-01-01T00:00:00Z' })).rejects.toMatchObject(bad)
  await expect(add(id, newSecret(), { expires_at: 'tomorrow' })).rejects.toMatchObject(bad)
  await expect(add('nobody', newSecret())).rejects.toMatchObject({ code: 'not_found' })
  await expect(list('nobody')).rejects.toMatchObject({ code: 'not_found' })
  const spa = await newPortal({
    client_secret: undefined,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
  })
  await expect(add(spa, newSecret())).rejects.toMatchObject({ code: 'state_conflict' })
})

test('a secret that ends within thirty days is told once a day, and shown by a metric', async () => {
  const id = await newPortal()
  const soon = new Date(Date.now() + 20 * 86_400_000)
  const made = await add(id, newSecret(), {
    expires_at: soon.toISOString(),
    retire_others_at: new Date().toISOString(),
  })
  const lines: string[] = []
  const log = createLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } })
  for (let hour = 0; hour < 3; hour++) await warnOfEndingSecrets({ db: world.db, log })
  const told = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['client'] === id)
  expect(told).toMatchObject([
    { level: 'warn', event: 'client.secret_ends', secret_id: made.id, has_successor: false },
  ])
  // The next day.
  await world.db.query('update client_secret set warned_on = warned_on - 1 where id = $1', [made.id])
  const next = (await takeEndingSecrets(world.db, 30)).filter(({ clientId }) => clientId === id)
  expect(next.map(({ id: secret }) => secret)).toEqual([made.id])

  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${world.operationsUrl}/metrics`)).text()
    const [, value] =
      new RegExp(`client_secret_expires_timestamp_seconds\\{client="${id}"\\} (\\S+)`).exec(metrics) ?? []
    expect(Number(value)).toBeCloseTo(soon.getTime() / 1000, 0)
  }, within5s)
})

test('a definition that is applied with a secret has it as the only one, and never one that was revoked', async () => {
  const id = await newPortal()
  const [first, second] = [newSecret(), newSecret()]
  await add(id, first)
  await world.register(portalDefinition(id, { ...machine, client_secret: first }))
  expect(await list(id)).toHaveLength(2)
  await world.register(portalDefinition(id, { ...machine, client_secret: second }))
  await until(true, id, second)
  expect(await authenticates(id, first)).toBe(false)
  expect(await authenticates(id, secretOf(id))).toBe(false)
  const [only, ...more] = await list(id)
  expect([only?.created_by, more]).toEqual([null, []])
  // An operator ended it: a file that still names it does not bring it back.
  await revoke(id, only!.id)
  await expect(
    world.register(portalDefinition(id, { ...machine, client_secret: second })),
  ).rejects.toMatchObject({ code: 'state_conflict' })
  expect(await list(id)).toEqual([])
})

test("a portal's new keys take the old ones' place within five seconds, without a restart", async () => {
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
  // Not through the world, which would have the node look at once.
  const log = createLog({ level: 'silent' })
  await registerClients({ db: world.db, log, actor: 'test' }, [agreed(await definition(next))])
  await vi.waitFor(() => token(next), within5s)
  await expect(token(old)).rejects.toMatchObject({ error: 'invalid_client' })
})
