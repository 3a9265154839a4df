/** A separate audit log for a test: rows with gaps between their ids, covered in several batches. */
import { randomBytes } from 'node:crypto'
import { exportAudit } from '../../../src/proof/export.ts'
import { linesOf } from '../../../src/proof/lines.ts'
import { type Checkpointer, createCheckpointer } from '../../../src/proof/checkpointer.ts'
import { type Verdict, verifyAudit } from '../../../src/proof/verify.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createSeal } from '../../../src/crypto/seal.ts'
import { type Database, type Db, openDatabase } from '../../../src/store/db.ts'
import { migrate } from '../../../src/store/migrate.ts'
import { recordSecrets } from '../record.ts'

export interface AuditLog {
  readonly db: Database
  readonly checkpointer: Checkpointer
  /** Inserts rows of many kinds; a fifth of the ids is lost to rolled-back transactions. */
  fill(rows: number): Promise<void>
}

export const silent = createLog({ level: 'silent' })

export async function openAuditLog(url: string): Promise<AuditLog> {
  const db = await openDatabase({ url })
  await migrate(db)
  const key = randomBytes(32)
  recordSecrets([key.toString('base64url')])
  const seal = createSeal([key], 'signing key')
  return {
    db,
    checkpointer: createCheckpointer({ db, seal, log: silent }),
    async fill(rows) {
      for (let made = 0; made < rows; made += 40) {
        await insertSome(db, 40)
        await db
          .transaction((tx) => insertSome(tx, 10).then(() => Promise.reject(new Error('rolled back'))))
          .catch(() => {})
      }
    },
  }
}

const insertSome = (db: Db, rows: number) =>
  db.query(
    `insert into audit_event (class, event, client_id, subject_id, actor, reference, detail)
     select (array['login', 'link', 'operator'])[1 + n % 3], 'login.completed',
       case when n % 4 > 0 then 'portal-' || n end, case when n % 5 > 0 then gen_random_uuid() end,
       'công dân', case when n % 3 > 0 then upper(left(md5(random()::text), 10)) end,
       jsonb_build_object('sso', n % 2 = 0, 'auth_time', 1790000000 + n, 'list', jsonb_build_array('a', n))
     from generate_series(1, $1::int) n`,
    [rows],
  )

export const exportedText = async (db: Db): Promise<string> =>
  (await Array.fromAsync(exportAudit(db, {}))).join('')

export const verifyOf = (db: Db, options?: Parameters<typeof verifyAudit>[1]): Promise<Verdict> =>
  verifyAudit(linesOf(exportAudit(db, {})), options)

export const verifyText = (text: string, options?: Parameters<typeof verifyAudit>[1]): Promise<Verdict> =>
  verifyAudit(linesOf(pieces(text)), options)

async function* pieces(text: string): AsyncGenerator<string> {
  yield text
}

/** Runs `work` in a transaction and rolls it back. */
export async function undone<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  await db
    .transaction(async (tx) => {
      result = { value: await work(tx) }
      throw new Error('undone')
    })
    .catch((error: unknown) => {
      if (result === undefined) throw error
    })
  return result!.value
}
