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

/** Who does something, and why. */
export interface By {
  /** As in `AuditEvent`. */
  readonly actor: string
  /** Of the request, as its log lines have it. */
  readonly reference?: string | undefined
  /** The actor's own words: kept in the row they explain, never in the audit or the log. */
  readonly reason?: string | undefined
  /** Of what may take two persons: who asked for it. The actor itself: one person was enough. */
  readonly askedBy?: string | undefined
}
/** For what must not be done without a reason. */
export type Reasoned = By & { readonly reason: string }

/** For the detail of events: what two persons did, or one alone where that was enough. */
export const askedDetail = ({ actor, askedBy }: By): { asked_by?: string; alone?: true } => {
  if (askedBy === undefined) return {}
  return askedBy === actor ? { alone: true } : { asked_by: askedBy }
}

/** Adds an event to the transaction. */
export type Note = (event: AuditEvent) => void

/**
 * Runs `work` in one transaction and writes the events that it notes as the transaction's last statement. A transaction
 * that lost a race is begun again, so `work` has no effects but those on `tx`.
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

/** For one statement that writes a change together with its events. @param statement returns, as `audited`, what it wrote */
export async function recordWith<T extends { readonly audited: readonly AuditEvent[] }>(
  log: Log,
  statement: Promise<T>,
): Promise<T> {
  const written = await statement
  announce(log, written.audited)
  return written
}

/**
 * For work over several transactions whose statements write events of one name themselves, under one reference: what
 * they have written by the end of the work, whether it succeeds or fails, is read again and announced.
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
      // The outcome of the work itself must be reported: the rows are in the audit.
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
