/** Whoever can write to the database cannot change the past unseen. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { publicAuditKeys } from '../../src/proof/keys.ts'
import { hashedColumns } from '../../src/proof/leaf.ts'
import { readPublicKeys } from '../../src/proof/checkpoint-header.ts'
import type { Db } from '../../src/store/db.ts'
import {
  type AuditLog,
  exportedText,
  openAuditLog,
  undone,
  verifyOf,
  verifyText,
} from '../support/audit/audit.ts'
import { freshDatabase } from '../support/world.ts'

const seed = Number(process.env['AUDIT_SEED'] ?? 20_261_122)
let state = seed
/** mulberry32: the same tamperings each time, others with `AUDIT_SEED`. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
}
const pick = <T>(from: readonly T[]): T => from[random(from.length)]!

/** Changes one column of a row, whatever it holds, to something else. */
const alterations: Readonly<Record<Exclude<(typeof hashedColumns)[number], 'id'>, readonly string[]>> = {
  at: [`at + interval '1 microsecond'`, `at - interval '40 days'`, `'infinity'`],
  class: [`case class when 'key' then 'login' else 'key' end`, `'no class of ours'`],
  event: [`event || '.'`, `'login.refused'`],
  client_id: [`coalesce(client_id, '') || 'x'`, `case when client_id is null then '' end`],
  subject_id: ['gen_random_uuid()', `case when subject_id is null then gen_random_uuid() end`],
  actor: [`upper(actor)`, `normalize(actor, NFD)`],
  reference: [`coalesce(reference, '') || 'x'`, `case when reference is null then '' end`],
  salt: ['gen_random_uuid()'],
  detail: [
    `detail || '{"sso": null}'`,
    `detail - 'list'`,
    `jsonb_set(detail, '{auth_time}', '1.0')`,
    `jsonb_set(detail, '{list,0}', '"á"')`,
    `jsonb_set(detail, '{auth_time}', to_jsonb((detail->>'auth_time')::numeric + 0.00))`,
  ],
}
const allButId = hashedColumns.filter((column) => column !== 'id')

interface Tampering {
  readonly name: string
  /** Kind and id of each fault that must be told, and no other. */
  readonly told: readonly string[]
  do(tx: Db): Promise<unknown>
}

/** @param ids covered rows, @param free numbers between them that no row has */
function tampering(kind: number, ids: readonly string[], free: readonly string[]): Tampering {
  const id = pick(ids)
  const other = pick(ids.filter((one) => one !== id))
  const gap = pick(free)
  const run = (sql: string, ...values: string[]) => ({ do: (tx: Db) => tx.query(sql, values) })
  const both = (what: string) => [`${what} ${id}`, `${what} ${other}`].toSorted()
  if (kind === 0) {
    const column = pick(Object.keys(alterations) as (keyof typeof alterations)[])
    const to = pick(alterations[column])
    const sql = `update audit_event set ${column} = ${to} where id = $1`
    return { name: `${column} of ${id} becomes ${to}`, told: [`row altered ${id}`], ...run(sql, id) }
  }
  if (kind === 1)
    return {
      name: `${id} is deleted`,
      told: [`row removed ${id}`],
      ...run('delete from audit_event where id = $1', id),
    }
  if (kind === 2) {
    const swapped = random(2) === 0 ? allButId : allButId.filter((column) => column !== 'salt')
    const columns = swapped.join(', ')
    const [a, b] = [
      `select ${columns} from audit_event where id = `,
      `update audit_event set (${columns}) = `,
    ]
    const isMove = swapped === allButId
    return random(3) > 0
      ? {
          name: `${id} and ${other} change places`,
          told: both('row moved'),
          ...run(
            'update audit_event set id = case id when $1 then $2::bigint else $1 end where id in ($1, $2)',
            id,
            other,
          ),
        }
      : {
          name: `${id} and ${other} change contents${isMove ? '' : ' but for their salts'}`,
          told: both(isMove ? 'row moved' : 'row altered'),
          async do(tx) {
            await tx.script(
              `create temp table was on commit drop as select * from audit_event where id in (${id}, ${other})`,
            )
            await tx.script(`${b}(${a.replace('audit_event', 'was')}${other}) where id = ${id}`)
            await tx.script(`${b}(${a.replace('audit_event', 'was')}${id}) where id = ${other}`)
          },
        }
  }
  const copy = `insert into audit_event (id, ${allButId.join(', ')}) select $2, ${allButId.join(', ')} from audit_event where id = $1`
  const forged = `insert into audit_event (id, class, event, actor) values ($1, 'login', 'login.completed', 'citizen')`
  return pick<() => Tampering>([
    () => ({
      name: `a forged row takes the free number ${gap}`,
      told: [`row inserted ${gap}`],
      ...run(forged, gap),
    }),
    () => ({
      name: `a forged row takes the number of ${id}`,
      told: [`row inserted ${id}`],
      ...run(forged, id),
    }),
    () => ({ name: `${id} stands there twice`, told: [`row inserted ${id}`], ...run(copy, id, id) }),
    () => ({
      name: `a copy of ${id} takes the free number ${gap}`,
      told: [`row inserted ${gap}`],
      ...run(copy, id, gap),
    }),
    () => ({
      name: `${id} moves to the free number ${gap}`,
      told: [`row moved ${gap}`],
      ...run('update audit_event set id = $2 where id = $1', id, gap),
    }),
    () => ({ name: 'a forged row stands before all others', told: ['row inserted 0'], ...run(forged, '0') }),
  ])()
}

const engines = [
  {
    name: 'a PostgreSQL server',
    missing: inject('databaseUrl') === undefined,
    address: freshDatabase,
    times: 200,
  },
  {
    name: 'PGlite in the process',
    missing: false,
    address: () => Promise.resolve('embedded:memory'),
    times: 12,
  },
]
for (const { name, missing, address, times } of engines)
  describe.skipIf(missing)(`the audit in ${name}`, () => {
    let audit: AuditLog
    let ids: string[]
    let free: string[]
    beforeAll(async () => {
      audit = await openAuditLog(await address())
      for (let checkpoints = 0; checkpoints < 4; checkpoints++) {
        await audit.fill(160)
        await audit.checkpointer.checkpoint(5_000)
      }
      const rows = await audit.db.query<{ id: string }>(
        'select id::text from audit_event where id <= (select max(last_id) from audit_checkpoint) order by audit_event.id',
      )
      ids = rows.map(({ id }) => id)
      const taken = new Set(ids)
      free = Array.from({ length: Number(ids.at(-1)) }, (_, index) => String(index + 1)).filter(
        (id) => !taken.has(id),
      )
      // The embedded one commits a rolled back number all the same, so both have gaps.
      if (free.length < 100) throw new Error('too few gaps')
    })
    afterAll(() => audit.db.close())

    test('untouched, it verifies', async () => {
      const { faults, rows, checkpoints, whole, uncovered } = await verifyOf(audit.db)
      expect(faults).toEqual([])
      expect({ checkpoints, whole, uncovered: uncovered.rows }).toEqual({
        checkpoints: 4,
        whole: true,
        uncovered: 0,
      })
      expect(rows).toBe(ids.length)
    })

    test(
      `a row altered, deleted, moved or inserted by hand is named, each of ${times} times at random`,
      { timeout: 300_000 },
      async () => {
        const missed: string[] = []
        for (let turn = 0; turn < times; turn++) {
          const { name: what, told, do: tamper } = tampering(turn % 4, ids, free)
          const { faults } = await undone(audit.db, async (tx) => {
            await tamper(tx)
            return verifyOf(tx)
          })
          const found = faults.map(({ kind, id }) => `${kind} ${id}`).toSorted()
          if (found.join() !== [...told].toSorted().join())
            missed.push(`${what}: ${found.join() || 'nothing'}`)
          for (const { id, says } of faults) expect(says).toContain(id)
        }
        expect(missed, `AUDIT_SEED=${seed}`).toEqual([])
        expect((await verifyOf(audit.db)).faults).toEqual([])
      },
    )

    test('a checkpoint that is altered, removed, exchanged or signed by another key is named', async () => {
      const tamperings: readonly (readonly [string, readonly string[]])[] = [
        [
          `update audit_checkpoint set header = replace(header, '"rows":', '"rows": ') where number = 2`,
          ['checkpoint altered 2', 'checkpoint altered 3'],
        ],
        [
          `update audit_checkpoint set signature = (select signature from audit_checkpoint where number = 1) where number = 2`,
          ['checkpoint altered 2'],
        ],
        [`update audit_checkpoint set header = 'no header' where number = 4`, ['checkpoint altered 4']],
        [
          `update audit_checkpoint set header = jsonb_set(header::jsonb, '{key}', '"another"')::text where number = 4`,
          ['checkpoint not ours 4'],
        ],
        [
          `update audit_checkpoint_part set leaves = substring(leaves from 33) || substring(leaves for 32) where number = 3 and class = 'link'`,
          ['hashes altered 3'],
        ],
        [
          `update audit_checkpoint_part set ids = ids || '\\x01' where number = 3 and class = 'link'`,
          ['hashes altered 3'],
        ],
        [
          `update audit_checkpoint_part set ids = null, leaves = null where number = 3 and class = 'link'`,
          ['hashes altered 3'],
        ],
        [
          `delete from audit_checkpoint_part where number = 3`,
          ['hashes altered 3', 'hashes altered 3', 'hashes altered 3'],
        ],
        [
          `delete from audit_checkpoint_part where number = 2; delete from audit_checkpoint where number = 2`,
          ['checkpoint removed 2', 'row inserted undefined'],
        ],
        [
          `delete from audit_checkpoint_part where number = 1; delete from audit_checkpoint where number = 1`,
          ['checkpoint removed 1', 'row inserted undefined'],
        ],
      ]
      for (const [sql, told] of tamperings) {
        const { faults } = await undone(audit.db, async (tx) => {
          await tx.script(sql)
          return verifyOf(tx)
        })
        const found = faults.map(({ kind, checkpoint }) => `${kind} ${checkpoint}`)
        // What follows from it may be told as well: rows that have lost their checkpoint.
        expect({ sql, found }).toEqual({ sql, found: expect.arrayContaining([...told]) as string[] })
        expect(found[0]).toBe(told[0])
      }
    })

    test('whoever cuts off the end is found out by a checkpoint that was kept elsewhere', async () => {
      const { head } = await verifyOf(audit.db)
      const cut = (tx: Db) =>
        tx.script(`delete from audit_event where id > (select last_id from audit_checkpoint where number = 3);
          delete from audit_checkpoint_part where number = 4; delete from audit_checkpoint where number = 4`)
      const seen = await undone(audit.db, async (tx) => {
        await cut(tx)
        return [await verifyOf(tx), await verifyOf(tx, { expected: head! })] as const
      })
      expect(seen[0].faults).toEqual([])
      expect(seen[1].faults).toMatchObject([{ kind: 'log cut off', checkpoint: 4 }])
      expect((await verifyOf(audit.db, { expected: head! })).faults).toEqual([])
      expect(
        (await verifyOf(audit.db, { expected: { ...head!, hash: '0'.repeat(64) } })).faults,
      ).toMatchObject([{ kind: 'checkpoint altered', checkpoint: 4 }])
    })

    test('whoever has the database but not the key cannot checkpoint the log anew', async () => {
      const keys = readPublicKeys(await publicAuditKeys(audit.db))
      const forger = await openAuditLog(await address())
      try {
        await forger.fill(40)
        await forger.checkpointer.checkpoint(5_000)
        expect((await verifyOf(forger.db)).faults).toEqual([])
        expect((await verifyOf(forger.db, { keys })).faults).toMatchObject([
          { kind: 'checkpoint not ours', checkpoint: 1 },
        ])
      } finally {
        await forger.db.close()
      }
    })

    test('an export that lost a line, has one too many or ends too early is told', async () => {
      const text = await exportedText(audit.db)
      const lines = text.trimEnd().split('\n')
      const verify = async (...kept: string[]) =>
        (await verifyText(kept.join('\n'))).faults.map(({ kind }) => kind)
      expect(await verify(...lines)).toEqual([])
      expect(await verify(...lines.slice(0, -1))).toEqual(['export broken'])
      expect(await verify(...lines.slice(0, 100), ...lines.slice(101))).toEqual([
        'export broken',
        'row removed',
      ])
      expect(await verify(...lines.slice(0, 100), lines[99]!, ...lines.slice(100))).toEqual([
        'export broken',
        'row inserted',
      ])
      expect(await verify(...lines.slice(0, 100), '{"row":1}', ...lines.slice(100))).toEqual([
        'export broken',
      ])
      expect(await verify(...lines.slice(1))).toContain('export broken')
      expect(await verify()).toContain('export broken')
    })
  })
