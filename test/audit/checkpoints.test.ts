/** Checkpoints cover every audit row, and no other work waits for them. */
import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { packIds, unpackIds } from '../../src/proof/ids.ts'
import { hashedColumns } from '../../src/proof/leaf.ts'
import { rootOf } from '../../src/proof/merkle.ts'
import { retireAudit, preparePartitions } from '../../src/proof/retention.ts'
import { type Database, openDatabase } from '../../src/store/db.ts'
import { type AuditLog, openAuditLog, silent, verifyOf } from '../support/audit/audit.ts'
import { freshDatabase } from '../support/world.ts'

const insert = (db: Pick<Database, 'query'>, event: string, at = 'now()', of = 'login') =>
  db.query<{ id: string }>(
    `insert into audit_event (class, event, actor, at) values ($1, $2, 'citizen', ${at}) returning id::text`,
    [of, event],
  )
const countOf = async (db: Database, where = 'true'): Promise<number> => {
  const [row] = await db.query<{ n: number }>(`select count(*)::int as n from audit_event where ${where}`)
  return row!.n
}
const partitionsOf = (db: Database) =>
  db
    .query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_event'::regclass order by 1`,
    )
    .then((rows) => rows.map(({ name }) => name))

const server = inject('databaseUrl')
const address = () => (server === undefined ? Promise.resolve('embedded:memory') : freshDatabase())
describe('the checkpoints', () => {
  let audit: AuditLog
  beforeAll(async () => {
    audit = await openAuditLog(await address())
    await audit.fill(80)
  })
  afterAll(() => audit.db.close())

  test('the checkpoint covers every column of the table', async () => {
    const columns = await audit.db.query<{ name: string }>(
      `select column_name as name from information_schema.columns where table_name = 'audit_event'`,
    )
    expect(columns.map((column) => column.name).toSorted()).toEqual([...hashedColumns].toSorted())
  })

  test('each row is covered once, and without new rows there is no new checkpoint', async () => {
    expect(await audit.checkpointer.checkpoint(5_000)).toBe(81)
    expect(await audit.checkpointer.checkpoint(5_000)).toBe(0)
    await insert(audit.db, 'login.completed')
    expect(await audit.checkpointer.checkpoint(5_000)).toBe(1)
    expect(await verifyOf(audit.db)).toMatchObject({ faults: [], checkpoints: 2, uncovered: { rows: 0 } })
  })

  test('the eleventh checkpoint follows the tenth', async () => {
    for (let checkpoints = 0; checkpoints < 10; checkpoints++) {
      await insert(audit.db, 'login.completed')
      expect(await audit.checkpointer.checkpoint(5_000)).toBe(1)
    }
    expect(await verifyOf(audit.db)).toMatchObject({
      faults: [],
      checkpoints: 12,
      head: { checkpoint: 12 },
    })
  })

  test('a row has its transaction’s id before its own number', async () => {
    const [column] = await audit.db.query<{ expression: string }>(
      `select column_default as expression from information_schema.columns
         where table_name = 'audit_event' and column_name = 'id'`,
    )
    for (let turn = 0; turn < 5; turn++)
      await audit.db.transaction(async (tx) => {
        await tx.query(`select ${column!.expression}`)
        const [own] = await tx.query<{ has: boolean }>(
          'select pg_current_xact_id_if_assigned() is not null as has',
        )
        expect(own!.has).toBe(true)
      })
  })

  test('when two checkpointers run at once, each row is covered by exactly one of them', async () => {
    await audit.fill(80)
    const [one, two] = await Promise.all([
      audit.checkpointer.checkpoint(5_000),
      audit.checkpointer.checkpoint(5_000),
    ])
    expect(one + two).toBe(80)
    expect((await verifyOf(audit.db)).faults).toEqual([])
  })

  test('a row of a month that has no partition is found later in the partition of its month', async () => {
    await insert(audit.db, 'login.completed', `now() - interval '7 months'`)
    await insert(audit.db, 'operator.created', `now() + interval '9 months'`, 'operator')
    const before = await partitionsOf(audit.db)
    await preparePartitions(audit.db)
    const made = (await partitionsOf(audit.db)).filter((partition) => !before.includes(partition))
    // Two months ahead, where the migration has made one; and those of the two rows.
    expect(made).toHaveLength(7 + 2)
    const [held] = await audit.db.query<{ n: number }>(
      'select count(*)::int as n from audit_partition.other_months',
    )
    expect(held!.n).toBe(0)
    await audit.checkpointer.checkpoint(5_000)
    expect((await verifyOf(audit.db)).faults).toEqual([])
  })

  test('retention deletes whole months of a class, records it permanently, and the rest still verifies', async () => {
    const { db, checkpointer } = audit
    const old = `date_trunc('month', now()) - interval '14 months' + interval '3 days'`
    for (let made = 0; made < 5; made++) await insert(db, 'login.completed', old)
    await insert(db, 'link.created', old, 'link')
    await insert(
      db,
      'login.completed',
      `date_trunc('month', now()) - interval '12 months' - interval '1 hour'`,
    )
    await preparePartitions(db)
    expect(await retireAudit({ db, log: silent }, { login: 365, link: 1_000 }), 'not covered yet').toBe(0)
    await checkpointer.checkpoint(5_000)
    const rows = await countOf(db)
    const due = await countOf(db, `class = 'login' and at < date_trunc('month', now() - interval '365 days')`)
    expect(await retireAudit({ db, log: silent }, { login: 365, link: 1_000 })).toBe(due)
    expect(await retireAudit({ db, log: silent }, { login: 365, link: 1_000 })).toBe(0)
    const records = await db.query<{ detail: { class: string; rows: number } }>(
      `select detail from audit_event where event = 'audit.retired'`,
    )
    expect(records.length).toBeGreaterThan(0)
    expect(await countOf(db)).toBe(rows - due + records.length)
    const month = `to_char(date_trunc('month', now()) - interval '14 months', 'YYYY_MM')`
    const [gone] = await db.query<{ login: boolean; link: boolean }>(
      `select to_regclass('audit_partition.login_' || ${month}) is null as login,
           to_regclass('audit_partition.link_' || ${month}) is null as link`,
    )
    expect(gone).toEqual({ login: true, link: false })
    await checkpointer.checkpoint(5_000)
    const verdict = await verifyOf(db)
    expect(verdict.faults).toEqual([])
    expect(verdict.deletions.reduce((sum, deletion) => sum + deletion.rows, 0)).toBe(due)
  })

  test('verification reports a month that was deleted by hand together with its hashes', async () => {
    const { db, checkpointer } = audit
    const month = `date_trunc('month', now()) - interval '20 months'`
    await insert(db, 'link.created', `${month} + interval '1 day'`, 'link')
    await insert(db, 'link.created', `now()`, 'link')
    await checkpointer.checkpoint(5_000)
    await db.query(`delete from audit_event where class = 'link' and at < ${month} + interval '1 month'`)
    await db.query(
      `update audit_checkpoint_part set ids = null, leaves = null where class = 'link' and month = (${month})::date`,
    )
    expect((await verifyOf(db)).faults).toMatchObject([{ kind: 'deletion not recorded' }])
    // A forged record of a deletion that was not due proves nothing.
    const forge = (when: string, rows: number) =>
      db.query(
        `insert into audit_event (class, event, actor, detail) values ('audit', 'audit.retired', 'system',
             jsonb_build_object('class', 'link', 'month', to_char(${when}, 'YYYY-MM'), 'rows', $1::int))`,
        [rows],
      )
    await forge(month, 7)
    await checkpointer.checkpoint(5_000)
    expect((await verifyOf(db)).faults[0]?.says).toContain('records the deletion of 7')
    await db.query(`delete from audit_event where class = 'link'`)
    await db.query(`update audit_checkpoint_part set ids = null, leaves = null where class = 'link'`)
    await forge('now()', 1)
    await checkpointer.checkpoint(5_000)
    expect((await verifyOf(db)).faults.map(({ says }) => says).join()).toContain(
      'before the end of retention',
    )
  })
})

describe.skipIf(server === undefined)('transactions that commit late', () => {
  test('a row whose number was taken before a checkpoint and that commits after it is still covered', async () => {
    const audit = await openAuditLog(await freshDatabase())
    const other = await openDatabase({ url: (await currentUrl(audit.db))! })
    try {
      await audit.fill(40)
      await audit.checkpointer.checkpoint(5_000)
      const late = Promise.withResolvers<void>()
      const taken = Promise.withResolvers<string>()
      const slow = other.transaction(async (tx) => {
        const [row] = await insert(tx, 'subject.created', 'now()', 'person')
        taken.resolve(row!.id)
        await late.promise
      })
      const id = await taken.promise
      await audit.fill(40)
      // The slow transaction delays the checkpoints, and no other work.
      expect(await audit.checkpointer.checkpoint(200)).toBe(0)
      await audit.fill(40)
      late.resolve()
      await slow
      expect(await audit.checkpointer.checkpoint(5_000)).toBe(41)
      expect(await audit.checkpointer.checkpoint(5_000)).toBe(40)
      const verdict = await verifyOf(audit.db)
      expect(verdict).toMatchObject({ faults: [], uncovered: { rows: 0 } })
      await audit.db.query('delete from audit_event where id = $1', [id])
      expect((await verifyOf(audit.db)).faults).toMatchObject([{ kind: 'row removed', id }])
    } finally {
      await other.close()
      await audit.db.close()
    }
  })

  test('under load no checkpoint skips a committed row', async () => {
    const audit = await openAuditLog(await freshDatabase())
    try {
      const writing = new AbortController()
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        for (let turn = 0; turn < 25; turn++)
          await audit.db
            .transaction(async (tx) => {
              for (let row = 0; row <= turn % 4; row++) await insert(tx, 'login.completed')
              await tx.query('select pg_sleep($1)', [((turn * 7 + writer) % 5) / 500])
              if (turn % 6 === 5) throw new Error('rolled back')
            })
            .catch(() => {})
      })
      const checkpointing = (async () => {
        while (!writing.signal.aborted) await audit.checkpointer.checkpoint(20)
      })()
      await Promise.all(writers)
      writing.abort()
      await checkpointing
      await audit.checkpointer.checkpoint(5_000)
      await audit.checkpointer.checkpoint(5_000)
      const verdict = await verifyOf(audit.db)
      expect(verdict).toMatchObject({ faults: [], uncovered: { rows: 0 } })
      expect(verdict.checkpoints).toBeGreaterThan(3)
    } finally {
      await audit.db.close()
    }
  })
})

async function currentUrl(db: Database): Promise<string | undefined> {
  const [row] = await db.query<{ name: string }>('select current_database() as name')
  return Object.assign(new URL(server!), { pathname: `/${row!.name}` }).href
}

/** RFC 6962 §2.1, implemented literally. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  return hash(
    'sha256',
    Buffer.concat([Buffer.of(1), treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half))]),
    'buffer',
  )
}

test('the root over rows is the tree hash of RFC 6962', () => {
  for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 100]) {
    const leaves = Array.from({ length: count }, (_, index) => hash('sha256', `${index}`, 'buffer'))
    expect(rootOf(Buffer.concat(leaves))).toEqual(treeHash(leaves))
  }
})

test('ids are packed and unpacked at any distance from each other', () => {
  const ids = [1n, 2n, 129n, 130n, 16_514n, 9_007_199_254_740_993n, 9_223_372_036_854_775_807n]
  expect(unpackIds(packIds(ids))).toEqual(ids)
})
