import { type AuditEvent, classOf } from '../audit.ts'
import type { Db } from './db.ts'

/** `id`, `at` and `salt` are the database's. */
export const auditColumns = 'class, event, client_id, subject_id, actor, reference, detail'

/** The select that turns `auditRows` into rows, to stand inside the statement they describe. */
export const auditValues = (parameter: string) => `
  select e.class, e.event, e."clientId", e."subjectId", e.actor, e.reference, coalesce(e.detail, '{}')
  from jsonb_to_recordset(${parameter}::jsonb) as e(class text, event text, "clientId" text, "subjectId" uuid,
    actor text, reference text, detail jsonb)`

export const auditRows = (events: readonly AuditEvent[]): string =>
  JSON.stringify(events.map((event) => ({ class: classOf(event.event), ...event })))

/** A row as the event that it was, to be returned by the statement that wrote it. */
export const writtenEvent = `json_strip_nulls(json_build_object('event', event, 'clientId', client_id,
  'subjectId', subject_id, 'actor', actor, 'reference', reference, 'detail', detail))`

export async function insertAuditEvents(db: Db, events: readonly AuditEvent[]): Promise<void> {
  await db.query(`insert into audit_event (${auditColumns}) ${auditValues('$1')}`, [auditRows(events)])
}
