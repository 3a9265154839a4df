/**
 * An import on one connection. While the file is read, new accounts are inserted in one transaction, so that a fault on
 * the last line changes nothing; rows of known accounts are set aside. After the whole file was read (duplicates, shared
 * numbers) that transaction commits, and the rows set aside are judged and written in short transactions, with their
 * cases and audit events. A dry run does the same and rolls back.
 */
import { auditColumns } from '../audit.ts'
import { CopyPage, type CopyValue } from './copy-rows.ts'
import type { Session } from '../db.ts'
import { batchOf, judged, keepResults } from './judge.ts'

/** A cleaned row to be staged. */
export interface StagedRow {
  readonly line: number
  /** Why the row is refused on its own; null: it is not. */
  readonly detail: string | null
  readonly note: string | null
  readonly accountKey: Buffer | null
  readonly kind: string
  readonly identifierType: string | null
  readonly identifierKeys: readonly Buffer[]
  readonly hintKeys: readonly Buffer[]
  readonly attestedOn: string | null
  readonly createdBy: string
  readonly lastUsedOn: string | null
  readonly province: string | null
  readonly classes: number
  readonly sealed: Buffer | null
  readonly digests: readonly Buffer[]
}

/** Bits of the classes (`mapping/classes.ts`) that depend on the whole file or on known accounts. */
export interface ComparedBits {
  readonly duplicate: number
  readonly several: number
  readonly cancelled: number
  readonly changed: number
}

/** SQL: the audit events of the cases in the CTE `questioned`. */
const openedEvents = (client: string, actor: string, reference: string) => `
  select 'link', 'review.opened', ${client}, subject_id, ${actor}::text, ${reference}::text,
    jsonb_build_object('case', id, 'account', account_id::text, 'reason', reason) from questioned`

const columns = {
  line: 'int8',
  detail: 'text',
  note: 'text',
  account_key: 'bytea',
  kind: 'text',
  identifier_type: 'text',
  identifier_keys: 'bytea[]',
  hint_key: 'bytea',
  attested_on: 'date',
  created_by: 'text',
  last_used_on: 'date',
  province: 'text',
  classes: 'int4',
  sealed: 'bytea',
  digests: 'bytea[]',
} as const

const names = Object.keys(columns).join(', ')
const definition = Object.entries(columns)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')
const toValues = (row: StagedRow): readonly CopyValue[] => [
  row.line,
  row.detail,
  row.note,
  row.accountKey,
  row.kind,
  row.identifierType,
  row.identifierKeys.length === 0 ? null : row.identifierKeys,
  row.hintKeys[0] ?? null,
  row.attestedOn,
  row.createdBy,
  row.lastUsedOn,
  row.province ?? '',
  row.classes,
  row.sealed,
  row.digests.length === 0 ? null : row.digests,
]

/** @returns false when another import of the portal is running */
export async function beginImport(session: Session, clientId: string): Promise<boolean> {
  for (const text of [
    `set work_mem = '64MB'`,
    // JIT compilation takes longer than a batch. A cached plan of an empty table must not be used for a full one.
    'set jit = off',
    'set plan_cache_mode = force_custom_plan',
    // `again`: the account is on an earlier line of the batch.
    `create temp table import_batch (${definition}, again int4)`,
    `create temp table import_pending (${definition})`,
    `create temp table import_result
       (line bigint, account_key bytea, identifier_keys bytea[], result text, classes integer, detail text)`,
  ]) {
    await session.query(text)
  }
  const [lock] = await session.query<{ taken: boolean }>(
    `select pg_try_advisory_lock(hashtext('legacy import'), hashtext($1)) as taken`,
    [clientId],
  )
  return lock!.taken
}

export async function endImport(session: Session, clientId: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(hashtext('legacy import'), hashtext($1))`, [clientId])
}

export interface Writer {
  readonly clientId: string
  readonly bits: ComparedBits
  readonly actor: string
  readonly reference: string
}

/** Rows to be staged together. */
export class Batch {
  readonly #page = new CopyPage([...Object.values(columns), 'int4'])
  readonly #seen = new Set<string>()

  get rows(): number {
    return this.#page.rows
  }
  add(row: StagedRow): void {
    const key = row.detail === null ? row.accountKey?.toString('latin1') : undefined
    const isAgain = key !== undefined && this.#seen.has(key)
    if (key !== undefined) this.#seen.add(key)
    this.#page.add([...toValues(row), isAgain ? 1 : 0])
  }
  bytes(): Buffer[] {
    return this.#page.bytes()
  }
  clear(): void {
    this.#page.clear()
    this.#seen.clear()
  }
}

/** Inserts the batch's new accounts, sets the other rows aside, and clears the batch. */
export async function stageBatch(
  tx: Session,
  batch: Batch,
  { clientId, bits, actor, reference }: Writer,
): Promise<void> {
  await tx.query('truncate import_batch')
  await tx.copy(`copy import_batch (${names}, again) from stdin (format binary)`, batch.bytes())
  batch.clear()
  await tx.query(
    `with b as materialized (
       select r.*, detail is null and again = 0 as is_new, c.subject_id as cancelled_subject,
         r.classes | case when c.subject_id is null then 0 else $2::int end as found
       from import_batch r left join lateral (
         select i.subject_id from identifier_key k join identifier i on i.id = k.identifier_id
         where k.type = r.identifier_type and k.key = any(r.identifier_keys) and i.valid_to is not null limit 1) c on true),
     inserted as (
       insert into legacy_account (client_id, account_key, kind, state, identifier_type, identifier_key, hint_key,
         attested_on, created_by, last_used_on, province, classes, sealed, digest)
       select $1, account_key, kind,
         case when kind = 'staff' then 'exempt' when cancelled_subject is not null then 'in_review' else 'open' end,
         identifier_type, identifier_keys[1], hint_key, attested_on, created_by, last_used_on, province, found, sealed,
         digests[1]
       from b where is_new order by line
       on conflict (client_id, account_key) do nothing returning id, account_key, state),
     questioned as (
       insert into review_case (account_id, client_id, reason, subject_id, opened_by, reference)
       select i.id, $1, 'number_cancelled', b.cancelled_subject, $3::text, $4::text
       from inserted i join b on b.account_key = i.account_key and b.is_new
       where i.state = 'in_review' returning id, account_id, reason, subject_id),
     audited as (
       insert into audit_event (${auditColumns}) ${openedEvents('$1', '$3', '$4')}),
     kept as (
       insert into import_result (line, account_key, identifier_keys, result, classes, detail)
       select b.line, b.account_key, b.identifier_keys,
         case when b.detail is null then 'accepted' else 'refused' end, b.found, coalesce(b.detail, b.note)
       from b left join inserted i on i.account_key = b.account_key
       where b.detail is not null or b.is_new and i.id is not null)
     insert into import_pending
     select ${names} from b where detail is null and not (is_new and exists (
       select from inserted i where i.account_key = b.account_key))`,
    [clientId, bits.cancelled, actor, reference],
  )
}

/** Judges the next rows set aside and writes only their results. @returns the last judged line, undefined if none is left */
export async function judgeBatch(
  tx: Session,
  writer: Writer,
  after: number,
  rows: number,
): Promise<number | undefined> {
  return lastOf(
    await tx.query<{ line: number }>(`with ${judged(rows)} ${keepResults}`, parameters(writer, after)),
  )
}
const lastOf = (lines: readonly { line: number }[]) =>
  lines.length === 0 ? undefined : Math.max(...lines.map(({ line }) => line))
const parameters = ({ clientId, bits }: Writer, after: number) => [
  clientId,
  after,
  bits.duplicate,
  bits.several,
  bits.cancelled,
  bits.changed,
]

/** Judges the next rows set aside and writes the changes; locks their accounts against logins and acts. */
export async function applyBatch(
  session: Session,
  writer: Writer,
  after: number,
  rows: number,
): Promise<number | undefined> {
  return session.transaction(async (tx) => {
    await tx.query(
      `with r as materialized (${batchOf(rows)}),
       named as materialized (
         select a.id from r, lateral (
           select id from legacy_account a where a.client_id = $1 and a.account_key = r.account_key limit 1) a)
       select 1 from legacy_account a join named n on a.id = n.id order by a.id for update of a`,
      [writer.clientId, after],
    )
    const written = await tx.query<{ line: number }>(
      `with ${judged(rows)},
       updated as (
         update legacy_account a set kind = j.kind, identifier_type = j.identifier_type,
           identifier_key = j.identifier_keys[1], hint_key = j.hint_key, attested_on = j.attested_on,
           created_by = j.created_by, last_used_on = j.last_used_on, province = j.province,
           classes = j.found | (a.classes & $6::int), sealed = j.sealed, digest = j.digests[1], imported_at = now(),
           state = case when a.state not in ('open', 'exempt') then a.state when j.kind = 'staff' then 'exempt'
             when j.cancelled_subject is not null then 'in_review' else 'open' end
         from judged j where a.id = j.id and j.result = 'changed' returning a.id),
       conflicting as (
         update legacy_account a set classes = a.classes | case when j.number_changed then $6::int else 0 end,
           state = case when a.state = 'open' then 'in_review' else a.state end
         from judged j where a.id = j.id and j.is_conflict and a.state not in ('exempt', 'retired') returning a.id),
       questioned as (
         insert into review_case (account_id, client_id, reason, subject_id, sealed, opened_by, reference)
         select j.id, $1, case when j.number_changed then 'number_changed' else 'kind_changed' end, j.holder,
           j.sealed, $7::text, $8::text
         from judged j join conflicting c on c.id = j.id where j.is_conflict
         union all
         select j.id, $1, 'number_cancelled', j.cancelled_subject, null, $7::text, $8::text
         from judged j join updated u on u.id = j.id
         where j.result = 'changed' and j.cancelled_subject is not null and j.kind <> 'staff' and j.was_state in ('open', 'exempt')
         on conflict do nothing returning id, account_id, reason, subject_id),
       audited as (
         insert into audit_event (${auditColumns}) ${openedEvents('$1', '$7', '$8')})
       ${keepResults}`,
      [...parameters(writer, after), writer.actor, writer.reference],
    )
    return lastOf(written)
  })
}
