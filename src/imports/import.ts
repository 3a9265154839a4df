/**
 * Imports a portal's file as legacy accounts. Bytes (`bytes.ts`) are read as CSV or NDJSON (`file.ts`), each row is
 * validated and normalised (`row.ts`, `values.ts`), and batches of rows are compared with known accounts and written
 * (`run.ts`). With a database server this runs in a thread of its own (`thread.ts`, `worker.ts`). This file wraps one
 * import with its row, its audit events and its progress.
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
  /** UUID of the run, for its progress and its audit events. */
  readonly id: string
}
export type ImportLegacy = (order: ImportOrder) => Promise<ImportSummary>

/** Only one thread can use an embedded database. With a database server, an import runs in a thread of its own. */
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
      // The SQL that writes the accounts also opens cases, possibly in another thread, so these are logged from the rows.
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
      // The database itself may be the cause; the caller must receive the original error.
      await touchImport(db, id, { ...progress, state: 'failed', fault }).catch(() => {})
      const failed = { import: id, failure: code }
      await record({ db, log }, [{ event: 'import.ended', ...about, detail: failed }]).catch(() => {})
      throw error
    }
  }
}
