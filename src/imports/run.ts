/**
 * Runs one import: read, clean, write, report. A fault of the file changes nothing. A run that is killed has written
 * nothing or whole batches; importing the same file again gives the same end result. A dry run uses the same code and
 * gives the same report, but changes nothing.
 */
import { setImmediate } from 'node:timers/promises'
import { BrokerError } from '../errors.ts'
import { type Database, type Session, retried } from '../store/db.ts'
import { compareRows, markShared } from '../store/imports/compare.ts'
import { type Counted, countResults, reportPages } from '../store/imports/report.ts'
import {
  Batch,
  applyBatch,
  beginImport,
  endImport,
  judgeBatch,
  stageBatch,
} from '../store/imports/batches.ts'
import { classMask, classesOf } from '../mapping/classes.ts'
import { readLegacyFile } from './file.ts'
import { createRowCleaner } from './row.ts'
import { vietnamDate } from '../vietnam-date.ts'
import type { LegacyRecords } from '../mapping/record.ts'

export interface ImportProgress {
  readonly state: 'reading' | 'comparing' | 'applying'
  readonly rowsRead: number
  readonly rowsDone: number
}

export interface ImportSummary {
  readonly rows: number
  readonly results: Readonly<Record<Counted['result'], number>>
  /** Number of rows by class; a row may have several classes. */
  readonly classes: Readonly<Record<string, number>>
}

export interface ImportWork {
  readonly clientId: string
  readonly dryRun: boolean
  readonly actor: string
  readonly reference: string
  readonly source: AsyncIterable<Buffer>
  readonly onProgress: (progress: ImportProgress) => void
  /** Called with pieces of the CSV report (without `reportHeader`) after the import; the run waits for its promise. */
  readonly onReport?: ((text: string) => Promise<void> | void) | undefined
}
export type RunImport = (work: ImportWork) => Promise<ImportSummary>

export const reportHeader = 'line,result,classes,detail\r\n'

export interface BatchSizes {
  /** Rows per staged batch: large enough that round trips do not matter. */
  readonly staged: number
  /** Rows per transaction that locks accounts: small enough that logins do not wait noticeably. */
  readonly held: number
}
const usual: BatchSizes = { staged: 20_000, held: 2_000 }
const bits = {
  duplicate: classMask(['duplicate_row']),
  several: classMask(['several_accounts']),
  cancelled: classMask(['number_cancelled']),
  changed: classMask(['number_changed']),
}

/** Thrown to roll back a dry run's transaction. */
class DryRunDone extends Error {}

/** @throws BrokerError `import_invalid` with line and column; then nothing was imported */
export function createImportRun({
  db,
  records,
  sizes = usual,
}: {
  db: Database
  records: LegacyRecords
  sizes?: BatchSizes
}): RunImport {
  return (work) => db.session((session) => runOn(session, records, sizes, work))
}

async function runOn(
  session: Session,
  records: LegacyRecords,
  sizes: BatchSizes,
  work: ImportWork,
): Promise<ImportSummary> {
  const { clientId, dryRun, actor, reference, source, onProgress, onReport } = work
  const writer = { clientId, bits, actor, reference }
  let progress: ImportProgress = { state: 'reading', rowsRead: 0, rowsDone: 0 }
  const tell = (change: Partial<ImportProgress>) => onProgress((progress = { ...progress, ...change }))

  async function stage(tx: Session): Promise<void> {
    const clean = createRowCleaner({ records, clientId, today: vietnamDate(Date.now()) })
    let staging: Promise<void> = Promise.resolve()
    let [filling, taken] = [new Batch(), new Batch()]
    const send = async () => {
      // While the database writes one batch, the next is read and cleaned.
      await staging
      const { rows } = filling
      staging = stageBatch(tx, filling, writer)
      // Awaited in the next turn; this prevents an unhandled rejection until then.
      staging.catch(() => {})
      ;[filling, taken] = [taken, filling]
      tell({ rowsRead: progress.rowsRead + rows })
    }
    try {
      for await (const rows of readLegacyFile(source)) {
        for (const row of rows) {
          filling.add(clean(row))
          // Lets a response of the database be handled before the rest of the rows is cleaned.
          if (filling.rows % 100 === 0) await setImmediate()
          if (filling.rows >= sizes.staged) await send()
        }
      }
      await send()
    } finally {
      // The connection must be free before the rollback or any other statement.
      await staging
    }
    tell({ state: 'comparing' })
    tell({ rowsDone: progress.rowsRead - (await compareRows(tx, writer)) })
  }
  async function settle(on: Session, step: typeof applyBatch): Promise<void> {
    tell({ state: 'applying' })
    for (let after: number | undefined = 0; after !== undefined;) {
      const from: number = after
      after = await retried(() => step(on, writer, from, sizes.held))
      if (after !== undefined) tell({ rowsDone: Math.min(progress.rowsDone + sizes.held, progress.rowsRead) })
    }
  }
  async function report(on: Session): Promise<ImportSummary> {
    const counted = await countResults(on)
    if (onReport !== undefined) {
      const names = new Map(counted.map(({ classes }) => [classes, classesOf(classes).join(' ')]))
      for await (const page of reportPages(on, names)) await onReport(page)
    }
    return summarise(counted)
  }

  if (!(await beginImport(session, clientId)))
    throw new BrokerError('state_conflict', 'another import of this portal is running')
  try {
    let rehearsed: ImportSummary | undefined
    await session
      .transaction(async (tx) => {
        await stage(tx)
        if (!dryRun) return
        await settle(tx, judgeBatch)
        rehearsed = await report(tx)
        throw new DryRunDone()
      })
      .catch((error: unknown) => {
        if (!(error instanceof DryRunDone)) throw error
      })
    if (rehearsed !== undefined) return rehearsed
    await settle(session, applyBatch)
    while ((await retried(() => markShared(session, writer, sizes.held))) === sizes.held);
    return await report(session)
  } finally {
    await endImport(session, clientId).catch(() => {})
  }
}

function summarise(counted: readonly Counted[]): ImportSummary {
  const results = { accepted: 0, unchanged: 0, changed: 0, refused: 0 }
  const classes: Record<string, number> = {}
  for (const { result, classes: mask, count } of counted) {
    results[result] += count
    for (const name of classesOf(mask)) classes[name] = (classes[name] ?? 0) + count
  }
  return { rows: Object.values(results).reduce((sum, count) => sum + count, 0), results, classes }
}
