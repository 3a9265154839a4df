/** Reads the audit: rows as they are hashed and exported, and searches for auditors. */
import type { Db } from './db.ts'

/** Each column as text; times are in UTC, whatever the connection's time zone. */
const asText = `id::text,
  coalesce(to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), at::text) as at, class, event, client_id, subject_id::text, actor, reference, salt::text, detail::text`

/** A row with each column as the text that is hashed and exported. */
export interface AuditRow {
  /** Decimal. */
  readonly id: string
  /** UTC with microseconds: `2026-03-31T04:05:06.789012Z`. */
  readonly at: string
  readonly class: string
  readonly event: string
  readonly client_id: string | null
  readonly subject_id: string | null
  readonly actor: string
  readonly reference: string | null
  /** Random UUID, so that a deleted row cannot be guessed from its hash. */
  readonly salt: string
  /** JSON exactly as PostgreSQL prints `jsonb`. */
  readonly detail: string
}

/** The rows from `from` to `to`, ordered by id. Rows with the same id are never split, so there may be more than `limit`. */
export function readAuditRows(
  db: Db,
  { from, to, limit }: { from: string; to: string; limit: number },
): Promise<AuditRow[]> {
  return db.query<AuditRow>(
    `select ${asText} from audit_event where id between $1::bigint and $2::bigint
     order by audit_event.id fetch first ($3::int) rows with ties`,
    [from, to, limit],
  )
}

export interface AuditFilter {
  readonly event?: string | undefined
  readonly classes?: readonly string[] | undefined
  readonly clientId?: string | undefined
  readonly actor?: string | undefined
  readonly subjectIds?: readonly string[] | undefined
  readonly reference?: string | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

const conditions: { readonly [K in keyof AuditFilter]-?: (parameter: string) => string } = {
  event: (p) => `event = ${p}`,
  classes: (p) => `class = any(${p}::text[])`,
  clientId: (p) => `client_id = ${p}`,
  actor: (p) => `actor = ${p}`,
  subjectIds: (p) => `subject_id = any(${p}::uuid[])`,
  reference: (p) => `reference = ${p}`,
  from: (p) => `at >= ${p}::timestamptz`,
  to: (p) => `at < ${p}::timestamptz`,
}

/** Oldest first. @param after the id of the last row of the previous page */
export function searchAudit(
  db: Db,
  filter: AuditFilter,
  { after, limit }: { after: string; limit: number },
): Promise<AuditRow[]> {
  // Only the given conditions, so that the planner can choose partitions and indexes.
  const asked = (Object.keys(conditions) as (keyof AuditFilter)[]).filter(
    (name) => filter[name] !== undefined,
  )
  const where = asked.map((name, index) => ` and ${conditions[name](`$${index + 3}`)}`).join('')
  return db.query<AuditRow>(
    `select ${asText} from audit_event where id > $1::bigint${where} order by audit_event.id limit $2`,
    [after, limit, ...asked.map((name) => filter[name])],
  )
}

export interface KnownSubject {
  readonly id: string
  readonly kind: string
  readonly createdAt: Date
  readonly disabledAt: Date | null
  readonly replacedBy: string | null
}

/**
 * The subjects that a number leads or led to, with merged subjects of the same person.
 * @param keys hashes of the number under every index key
 */
export function findSubjectsOf(db: Db, type: string, keys: readonly Buffer[]): Promise<KnownSubject[]> {
  return db.query<KnownSubject>(
    `with recursive same as (
       select i.subject_id as id from identifier_key k join identifier i on i.id = k.identifier_id
       where k.type = $1 and k.key = any($2::bytea[])
       union
       select other.id from same join subject s on s.id = same.id
         join subject other on other.replaced_by = s.id or other.id = s.replaced_by)
     select id, kind, created_at as "createdAt", disabled_at as "disabledAt", replaced_by as "replacedBy"
     from subject where id in (select id from same) order by created_at, id`,
    [type, keys],
  )
}
