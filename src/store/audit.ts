import { classOf } from '../audit-classes.ts'
import type { AuditEvent } from '../audit.ts'
import type { Db } from './db.ts'

/** `id`, `at` and `salt` are the database's. */
export const auditColumns = 'class, event, client_id, subject_id, actor, reference, detail'

/** The select that turns `auditRows` into rows, to stand inside the statement they describe. */
export const auditValues = (parameter: string) => `
  select coalesce(e.class, 'other'), e.event, e."clientId", e."subjectId", e.actor, e.reference, coalesce(e.detail, '{}')
  from jsonb_to_recordset(${parameter}::jsonb) as e(class text, event text, "clientId" text, "subjectId" uuid,
    actor text, reference text, detail jsonb)`

export const auditRows = (events: readonly AuditEvent[]): string =>
  JSON.stringify(events.map((event) => ({ class: classOf(event.event), ...event })))

export async function insertAuditEvents(db: Db, events: readonly AuditEvent[]): Promise<void> {
  await db.query(`insert into audit_event (${auditColumns}) ${auditValues('$1')}`, [auditRows(events)])
}
