/**
 * The audit vocabulary. A decision about a person, link, portal or key is a row in the transaction that
 * it describes; once that has committed, `announce` adds the log line and the counter.
 */
import { auditEvents } from './telemetry/metrics.ts'
import type { Log } from './telemetry/log.ts'
import { insertAuditEvents } from './store/audit.ts'
import type { Db } from './store/db.ts'

/** Named `noun.past`; `audit-classes.ts` gives each noun its class, `docs/audit.md` tells each name (a test compares). */
export const auditNames = [
  'login.completed',
  'login.refused',
  'session.ended',
  'subject.created',
  'subject.rekeyed',
  'subject.replaced',
  'link.created',
  'link.ended',
  'link.refused',
  'link.primary',
  'account.searched',
  'review.opened',
  'review.read',
  'review.decided',
  'review.reopened',
  'proposal.made',
  'proposal.decided',
  'import.begun',
  'import.ended',
  'client.created',
  'client.changed',
  'client.activated',
  'client.suspended',
  'client.retired',
  'client.secret_created',
  'client.secret_revoked',
  'client.rehomed',
  'client.rehome_undone',
  'client.rehome_completed',
  'key.generated',
  'key.retired',
  'key.revoked',
  'key.reseal_begun',
  'key.reseal_ended',
  'operator.created',
  'operator.disabled',
  'operator.changed',
  'operator.enabled',
  'operator.signed_in',
  'operator.review_read',
  'operator.review_confirmed',
  'decision.proposed',
  'decision.ended',
  'audit.read',
  'audit.exported',
  'audit.retired',
] as const
export type AuditName = (typeof auditNames)[number]

export interface AuditEvent {
  readonly event: AuditName
  readonly clientId?: string
  /** Our pseudonym of the person, never a number. */
  readonly subjectId?: string
  /**
   * `citizen`, `portal` (the client itself), `system`, `local` (a command on the broker's own database), or an
   * operator's id.
   */
  readonly actor: string
  /** The trace id that the citizen may have seen on a page. */
  readonly reference?: string
  /** Codes and ids of our own; never a person's datum. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** An event of its own, which no other change carries: row, log line, counter. */
export async function record(db: Db, log: Log, events: readonly AuditEvent[]): Promise<void> {
  await insertAuditEvents(db, events)
  announce(log, events)
}

/** After the commit: one log line and one count for each event. */
export function announce(log: Log, events: readonly AuditEvent[]): void {
  for (const { event, clientId, subjectId, reference, detail } of events) {
    auditEvents.inc({ event })
    log.info({ event, client: clientId, subject: subjectId, reference, ...detail })
  }
}
