/**
 * A portal's file becomes legacy accounts. The bytes (`bytes.ts`) are taken as CSV or JSON lines (`file.ts`), each row is
 * checked and brought into one form (`row.ts`, `values.ts`), and batches of rows are compared with what is known and
 * written (`run.ts`), beside a server's database in a thread of its own (`thread.ts`, `worker.ts`). This file: one import
 * as it is seen from outside, audited, and followed by its id.
 */
import { record, recordThroughout } from '../recording.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database } from '../store/db.ts'
import { insertImport, touchImport } from '../store/imports/runs.ts'
import type { Parts } from '../parts.ts'
import {
  type ImportProgress,
  type ImportSummary,
  type ImportWork,
  type RunImport,
  createImportRun,
} from './run.ts'
import { createImportThreads } from './thread.ts'

export type ImportOrder = Omit<ImportWork, 'onProgress'> & {
  /** Of the run: to follow it by, and to name it in the audit. */
  readonly id: string
}
export type ImportLegacy = (order: ImportOrder) => Promise<ImportSummary>

/** An embedded database belongs to one thread alone; beside a server's, an import runs in a thread of its own. */
export function createImports({
  config,
  db,
  log,
  records,
}: Pick<Parts, 'config' | 'db' | 'log' | 'records'>) {
  const isEmbedded = config.database.url.startsWith('embedded:')
  return createImport({
    db,
    log,
    run: isEmbedded ? createImportRun({ db, records }) : createImportThreads(config),
  })
}

/** @throws BrokerError `import_invalid` with line and column; then nothing was imported */
export function createImport({ db, run, log }: { db: Database; run: RunImport; log: Log }): ImportLegacy {
  return async function importLegacy({ id, ...work }) {
    const { clientId, dryRun, actor, reference } = work
    let progress: ImportProgress = { state: 'reading', rowsRead: 0, rowsDone: 0 }
    const about = { clientId, actor, reference }
    await insertImport(db, { id, clientId, dryRun, begunBy: actor })
    const detail = { import: id, dry_run: dryRun }
    await record({ db, log }, [{ event: 'import.begun', ...about, detail }])
    const heartbeat = setInterval(() => void touchImport(db, id, progress).catch(() => {}), 1_000)
    try {
      // Cases are opened by the statements that write the accounts, perhaps in another thread.
      const summary = await recordThroughout({ db, log }, { event: 'review.opened', reference }, () =>
        run({ ...work, onProgress: (now) => void (progress = now) }),
      )
      clearInterval(heartbeat)
      await touchImport(db, id, { ...progress, state: 'done', rowsDone: summary.rows, summary })
      const counted = { ...detail, rows: summary.rows, ...summary.results }
      await record({ db, log }, [{ event: 'import.ended', ...about, detail: counted }])
      return summary
    } catch (error) {
      clearInterval(heartbeat)
      const { code = 'server_error', message } = error as { code?: string; message: string }
      const fault = error instanceof BrokerError ? message : code
      // What ended the run may be the very database; the fault itself is what must be heard.
      await touchImport(db, id, { ...progress, state: 'failed', fault }).catch(() => {})
      const failed = { import: id, failure: code }
      await record({ db, log }, [{ event: 'import.ended', ...about, detail: failed }]).catch(() => {})
      throw error
    }
  }
}
