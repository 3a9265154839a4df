/**
 * The one way to write the audit. An event is a row in the transaction that it describes; once that has committed, the
 * event becomes a log line and a count. Nothing else writes or announces events (`oxlint.config.ts` forbids it), so an
 * event is never written without being announced, nor announced without being written.
 */
import type { AuditEvent, AuditName } from './audit.ts'
import { findPosition } from './store/audit-checkpoints.ts'
import { insertAuditEvents, readWritten } from './store/audit.ts'
import { type Database, type Db, retried } from './store/db.ts'
import type { Log } from './telemetry/log.ts'
import { auditEvents } from './telemetry/metrics.ts'

/** Who acts, for whom, and why. */
export interface By {
  /** As in `AuditEvent`. */
  readonly actor: string
  /** The reference of the request, as in its log lines. */
  readonly reference?: string | undefined
  /** Free text by the actor: stored in the row that it explains, never in the audit or the log. */
  readonly reason?: string | undefined
  /** For operations that may need two persons: who asked. Equal to `actor` if one person was enough. */
  readonly askedBy?: string | undefined
}
/** For operations that require a reason. */
export type Reasoned = By & { readonly reason: string }

/** Detail of an event: who asked, or that one person was enough. */
export const askedDetail = ({ actor, askedBy }: By): { asked_by?: string; alone?: true } => {
  if (askedBy === undefined) return {}
  return askedBy === actor ? { alone: true } : { asked_by: askedBy }
}

/** Adds an event to the transaction. */
export type Note = (event: AuditEvent) => void

/**
 * Runs `work` in one transaction and writes the events that it notes as the last statement. A transaction that loses a
 * race is run again, so `work` must have no effects other than on `tx`.
 */
export async function audited<T>(
  { db, log }: { readonly db: Pick<Database, 'transaction'>; readonly log: Log },
  work: (tx: Db, note: Note) => Promise<T>,
): Promise<T> {
  const { result, events } = await retried(() =>
    db.transaction(async (tx) => {
      const noted: AuditEvent[] = []
      const outcome = await work(tx, (event) => void noted.push(event))
      if (noted.length > 0) await insertAuditEvents(tx, noted)
      return { result: outcome, events: noted }
    }),
  )
  announce(log, events)
  return result
}

/** Writes events that describe no change of the database. */
export async function record(
  { db, log }: { readonly db: Db; readonly log: Log },
  events: readonly AuditEvent[],
): Promise<void> {
  await insertAuditEvents(db, events)
  announce(log, events)
}

/** For one statement that writes a change and its events. @param statement resolves with the written events as `audited` */
export async function recordWith<T extends { readonly audited: readonly AuditEvent[] }>(
  log: Log,
  statement: Promise<T>,
): Promise<T> {
  const written = await statement
  announce(log, written.audited)
  return written
}

/**
 * For work in several transactions whose SQL writes events of one name and reference. When the work ends, successfully
 * or not, the written events are read and announced.
 */
export async function recordThroughout<T>(
  { db, log }: { readonly db: Db; readonly log: Log },
  { event, reference }: { readonly event: AuditName; readonly reference: string },
  work: () => Promise<T>,
): Promise<T> {
  const position = await findPosition(db)
  try {
    return await work()
  } finally {
    try {
      for await (const events of readWritten(db, { event, reference, position })) announce(log, events)
    } catch (error) {
      // Not thrown: the caller must receive the outcome of the work, and the events are in the audit.
      log.error({ event: 'audit.not_announced', reference, err: error })
    }
  }
}

function announce(log: Log, events: readonly AuditEvent[]): void {
  for (const { event, clientId, subjectId, reference, detail } of events) {
    auditEvents.inc({ event })
    log.info({ event, client: clientId, subject: subjectId, reference, ...detail })
  }
}
