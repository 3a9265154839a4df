import type { AuditEvent } from '../audit.ts'
import type { Db } from './db.ts'

/** `id` and `at` are the database's. */
export const auditColumns = 'event, client_id, subject_id, actor, reference, detail'

/** The select that turns a JSON array of events into rows, to stand inside the statement they describe. */
export const auditValues = (parameter: string) => `
  select e.event, e."clientId", e."subjectId", e.actor, e.reference, coalesce(e.detail, '{}')
  from jsonb_to_recordset(${parameter}::jsonb) as e(event text, "clientId" text, "subjectId" uuid, actor text,
    reference text, detail jsonb)`

export async function insertAuditEvents(db: Db, events: readonly AuditEvent[]): Promise<void> {
  await db.query(`insert into audit_event (${auditColumns}) ${auditValues('$1')}`, [JSON.stringify(events)])
}

/** Deletes all that is past its retention, in batches that hold up nobody. @returns how many rows went */
export async function deleteOldAuditEvents(db: Db, days: number, batch = 5_000): Promise<number> {
  for (let total = 0; ;) {
    const rows = await db.query(
      `delete from audit_event where id in (
         select id from audit_event where at < now() - make_interval(days => $1::int) order by at limit $2)
       returning 1`,
      [days, batch],
    )
    total += rows.length
    if (rows.length < batch) return total
  }
}
