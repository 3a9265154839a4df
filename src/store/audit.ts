import { type AuditEvent, type AuditName, classOf } from '../audit.ts'
import type { Db } from './db.ts'

/** The columns that we write; the database sets `id`, `at` and `salt`. */
export const auditColumns = 'class, event, client_id, subject_id, actor, reference, detail'

/** SQL that converts the parameter with `auditRows` into rows, for use inside the statement that makes the change. */
export const auditValues = (parameter: string) => `
  select e.class, e.event, e."clientId", e."subjectId", e.actor, e.reference, coalesce(e.detail, '{}')
  from jsonb_to_recordset(${parameter}::jsonb) as e(class text, event text, "clientId" text, "subjectId" uuid,
    actor text, reference text, detail jsonb)`

export const auditRows = (events: readonly AuditEvent[]): string =>
  JSON.stringify(events.map((event) => ({ class: classOf(event.event), ...event })))

/** SQL that converts a written row back into an event, for a `returning` clause. */
export const writtenEvent = `json_strip_nulls(json_build_object('event', event, 'clientId', client_id,
  'subjectId', subject_id, 'actor', actor, 'reference', reference, 'detail', detail))`

/** Pages of the events with this name and reference that were written after `position`, ordered by id. */
export async function* readWritten(
  db: Db,
  { event, reference, position }: { event: AuditName; reference: string; position: string },
): AsyncGenerator<AuditEvent[], void, undefined> {
  const page = 1000
  for (let after = position, found = page; found === page;) {
    const rows = await db.query<{ id: string; event: AuditEvent }>(
      `select id::text, ${writtenEvent} as event from audit_event e
       where e.reference = $1 and e.event = $2 and e.id > $3 order by e.id limit ${page}`,
      [reference, event, after],
    )
    found = rows.length
    after = rows.at(-1)?.id ?? after
    if (found > 0) yield rows.map((row) => row.event)
  }
}

export async function insertAuditEvents(db: Db, events: readonly AuditEvent[]): Promise<void> {
  await db.query(`insert into audit_event (${auditColumns}) ${auditValues('$1')}`, [auditRows(events)])
}
