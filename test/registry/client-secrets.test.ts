/** Secrets of portals: two at most, each with an expiry, shown once and never stored in clear. */
import { randomBytes } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { warnOfEndingSecrets } from '../../src/registry/secrets.ts'
import { takeEndingSecrets } from '../../src/store/client-secrets.ts'
import { runAs } from '../support/operators/command.ts'
import { recordSecrets } from '../support/record.ts'
import { hashOf, machine, newSecret, openSecrets } from '../support/registry/secrets.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld({ periods: { renewal: 50 } })
const { registrar, newPortal, add, list, revoke, authenticates, until } = await openSecrets(world)

test('a portal has two secrets at most, also when several are put into service at once', async () => {
  const id = await newPortal()
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => add(id, newSecret())))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'state_conflict' })
  expect(await list(id)).toHaveLength(2)
  const direct = `insert into client_secret (client_id, hash, slot, expires_at) values ($1, $2, 2, now() + interval '1 day')`
  await expect(world.db.query(direct, [id, randomBytes(32)])).rejects.toMatchObject({ code: '23505' })

  // An expired secret does not count.
  const [newest] = await list(id)
  await world.db.query(`update client_secret set expires_at = now() - interval '1 minute' where id = $1`, [
    newest!.id,
  ])
  await add(id, newSecret())
  expect(await list(id)).toHaveLength(2)
})

test('audit and history record all changes of secrets, and contain no hash or secret', async () => {
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

test('the commands create a secret that is shown once, list the secrets with a warning, and revoke', async () => {
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
  // At once: the old secret ends when the new one starts.
  const again = await cli('client secret rotate', [id], { 'old-ends': '0d' })
  const [, next] = /shown this once: ([\w-]{43})$/.exec(again) ?? []
  recordSecrets([next])
  await until(true, id, next!)
  expect(await authenticates(id, secretOf(id))).toBe(false)
})

test('an unknown secret, an invalid expiry and a portal without secrets are refused', async () => {
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

test('a secret that expires within thirty days is reported once a day, and shown by a metric', async () => {
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

  await vi.waitFor(
    async () => {
      const metrics = await (await fetch(`${world.operationsUrl}/metrics`)).text()
      const [, value] =
        new RegExp(`client_secret_expires_timestamp_seconds\\{client="${id}"\\} (\\S+)`).exec(metrics) ?? []
      expect(Number(value)).toBeCloseTo(soon.getTime() / 1000, 0)
    },
    { timeout: 5_000, interval: 10 },
  )
})

test('applying a definition with a secret makes it the only one, and never restores a revoked one', async () => {
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
