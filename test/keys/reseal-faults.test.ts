/** What keeps an old key in use, and what interrupts a run: absent operators, broken rows, a node that stops. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, inject, test, vi } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { atEnd } from '../support/at-end.ts'
import {
  type Run,
  newKey,
  openOfficer,
  openRegister,
  reseal,
  ringAt,
  runOf,
  settingsOf,
} from '../support/keys/register.ts'
import { identityOf, occasionAt } from '../support/mapping/keys.ts'
import { openWorld } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined

describe.skipIf(isMissing)('a run of re-sealing (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const world = await openWorld({ database: 'server', state: 'server', periods: { claim: 50 } })
  const { db } = world
  const { old, under } = await openRegister(world, { people: 12, citizens: 3 })
  const officerAt = await openOfficer(world)
  let keys = old
  async function restartWith(changes: Partial<typeof old>) {
    keys = { ...keys, ...changes }
    await world.restart(settingsOf(keys))
    return officerAt(world.adminUrl)
  }

  test('an index key that is the only one for an absent operator stays needed', async () => {
    const { citizenKeys } = under(keys)
    const citizen = { type: 'citizen_id', keys: citizenKeys.keys(identityOf(910_000).identifier) } as const
    const { publicKey } = await generateOperatorKey()
    const log = createLog({ level: 'silent' })
    await createOperator(
      { db, log, actor: 'local' },
      { id: 'away', roles: ['viewer'], key: publicKey, citizen },
    )
    const officer = await restartWith({ index: [newKey(), keys.index[0]!] })
    await reseal(officer)
    expect(await ringAt(officer)).toMatchObject({ operators_behind: 1, index: [{}, { needed: true }] })
    // The person signs in, and is found under the new key from the next run on.
    await under(keys).signIn(identityOf(910_000), occasionAt('portal'))
    await reseal(officer)
    expect(await ringAt(officer)).toMatchObject({ operators_behind: 0, index: [{}, { needed: false }] })
  })

  test('a row that cannot be opened is named and skipped, and its keys stay needed until it can be opened', async () => {
    const officer = await restartWith({
      seal: [newKey(), keys.seal[0]!],
      index: [newKey(), keys.index[0]!],
    })
    const flip = (id: string) =>
      db.query(
        'update legacy_account set sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) where id = $1',
        [id],
      )
    const [broken] = await db.query<{ id: string }>('select id::text from legacy_account order by id limit 1')
    await flip(broken!.id)
    expect(await reseal(officer)).toMatchObject({ fault: null, rows_unreadable: 1 })
    const logged = world.logLines.filter((line) => line.includes('reseal.row_unreadable'))
    expect(logged.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ table: 'legacy_account', row: broken!.id }),
    ])
    expect(await ringAt(officer)).toMatchObject({
      seal: [{}, { needed: true, tables: { legacy_account: 1 } }],
      index: [{}, { needed: true }],
    })
    await flip(broken!.id)
    expect(await reseal(officer)).toMatchObject({ rows_unreadable: 0, rows_changed: 1 })
    expect(await ringAt(officer)).toMatchObject({
      seal: [{}, { needed: false, tables: {} }],
      index: [{}, { needed: false }],
    })
  })

  test('a node that is stopped does not wait for a locked row, and the run continues later', async () => {
    const officer = await restartWith({ seal: [newKey(), keys.seal[0]!] })
    const holder = new pg.Client({ connectionString: world.config.database.url })
    await holder.connect()
    atEnd(() => holder.end().catch(() => {}))
    await holder.query('begin')
    await holder.query('select 1 from legacy_account order by id desc limit 1 for update')
    const begun = await officer.call<Run>('POST', '/v1/reseals')
    await vi.waitFor(
      async () => {
        const waits = await db.query(
          `select 1 from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock' and query like '%update legacy_account%'`,
        )
        expect(waits).toHaveLength(1)
      },
      { timeout: 20_000, interval: 10 },
    )
    const restarted = world.restart().then(() => 'restarted')
    expect(await Promise.race([restarted, sleep(20_000, 'waiting')])).toBe('restarted')
    const next = officerAt(world.adminUrl)
    expect(await runOf(next, begun.id)).toMatchObject({ state: 'unfinished', fault: 'state_conflict' })
    await holder.query('rollback')
    expect((await reseal(next)).id).toBe(begun.id)
  })
})
