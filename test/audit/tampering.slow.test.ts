/** Verification detects changes of the audit by a person with write access to the database. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { publicAuditKeys } from '../../src/proof/keys.ts'
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
import { tampering } from '../support/audit/tampering.ts'
import { runs, seed, timeout } from '../support/random-search.ts'
import { freshDatabase } from '../support/world.ts'

const engines = [
  {
    name: 'a PostgreSQL server',
    missing: inject('databaseUrl') === undefined,
    address: freshDatabase,
    times: runs(72),
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
        await audit.fill(80)
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
      // Sequences do not roll back, so there are gaps on both engines.
      if (free.length < 50) throw new Error('too few gaps')
    })
    afterAll(() => audit.db.close())

    test('an unchanged audit verifies', async () => {
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
      'a row altered, deleted, moved or inserted by hand is named, in many random trials',
      { timeout },
      async () => {
        const missed: string[] = []
        for (let turn = 0; turn < times; turn++) {
          const { name: what, told, do: tamper } = tampering(turn, ids, free)
          const { faults } = await undone(audit.db, async (tx) => {
            await tamper(tx)
            return verifyOf(tx)
          })
          const found = faults.map(({ kind, id }) => `${kind} ${id}`).toSorted()
          if (found.join() !== [...told].toSorted().join())
            missed.push(`${what}: ${found.join() || 'nothing'}`)
          for (const { id, says } of faults) expect(says).toContain(id)
        }
        expect(missed, `seed ${seed}`).toEqual([])
        expect((await verifyOf(audit.db)).faults).toEqual([])
      },
    )

    test('a checkpoint that is altered, removed, swapped or signed by another key is named', async () => {
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
        // Verification may also report consequences: rows that have lost their checkpoint.
        expect({ sql, found }).toEqual({ sql, found: expect.arrayContaining([...told]) as string[] })
        expect(found[0]).toBe(told[0])
      }
    })

    test('a checkpoint that was saved elsewhere reveals that the end of the log was removed', async () => {
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

    test('an attacker with the database but without the key cannot create new checkpoints for the log', async () => {
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

    test('verification reports an export that lost a line, has an extra line or ends too early', async () => {
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
