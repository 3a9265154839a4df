import type { IdentifierType } from '../citizen-id.ts'
import type { Db } from './db.ts'

export interface Holder {
  readonly identifierId: string
  readonly subjectId: string
  readonly cancelled: boolean
  readonly disabled: boolean
}

/** The subject of a number, active or cancelled. @param keys hashes under every index key */
export async function findHolder(
  db: Db,
  type: IdentifierType,
  keys: readonly Buffer[],
): Promise<Holder | undefined> {
  const [row] = await db.query<Holder>(
    `select distinct i.id as "identifierId", i.subject_id as "subjectId", i.valid_to is not null as cancelled,
       s.disabled_at is not null as disabled
     from identifier_key k join identifier i on i.id = k.identifier_id join subject s on s.id = i.subject_id
     where k.type = $1 and k.key = any($2::bytea[])`,
    [type, keys],
  )
  return row
}

export interface ActiveIdentifier {
  readonly identifierId: string
  readonly type: IdentifierType
  readonly sealed: Buffer
}

export async function findActiveIdentifier(db: Db, subjectId: string): Promise<ActiveIdentifier | undefined> {
  const [row] = await db.query<ActiveIdentifier>(
    `select id as "identifierId", type, sealed from identifier where subject_id = $1 and valid_to is null`,
    [subjectId],
  )
  return row
}

/** Waits for running logins with the number; later logins wait for this transaction and then find it cancelled. */
export async function cancelIdentifier(db: Db, identifierId: string): Promise<boolean> {
  const rows = await db.query(
    'update identifier set valid_to = now() where id = $1 and valid_to is null returning 1',
    [identifierId],
  )
  return rows.length === 1
}

/** Locks the subject's row, so that it is not disabled or replaced until the transaction ends. */
export async function standingOf(db: Db, subjectId: string): Promise<'unknown' | 'disabled' | 'fine'> {
  const [row] = await db.query<{ disabled: boolean }>(
    'select disabled_at is not null as disabled from subject where id = $1 for share',
    [subjectId],
  )
  if (row === undefined) return 'unknown'
  return row.disabled ? 'disabled' : 'fine'
}

export async function hasActiveLinks(db: Db, subjectId: string): Promise<boolean> {
  const rows = await db.query(
    'select 1 from account_link where subject_id = $1 and unlinked_at is null limit 1',
    [subjectId],
  )
  return rows.length > 0
}

/** Whether the person had another number before this one. */
export async function hasEarlierNumber(db: Db, subjectId: string): Promise<boolean> {
  const rows = await db.query('select 1 from identifier where subject_id = $1 offset 1 limit 1', [subjectId])
  return rows.length > 0
}

/** Merges a subject into another subject of the same person. Waits for a running approval that links it. */
export async function replaceSubject(db: Db, subjectId: string, by: string): Promise<void> {
  await db.query(
    `update subject set disabled_at = coalesce(disabled_at, now()), replaced_by = $2 where id = $1`,
    [subjectId, by],
  )
}

/**
 * Inserts the subject's active number. Hashes of the number that belong to the `replaced` identifier are moved to it.
 * @throws 23505 when another sign-in registered the number meanwhile
 */
export async function insertIdentifier(
  db: Db,
  number: { subjectId: string; type: IdentifierType; sealed: Buffer; keys: readonly Buffer[] },
  replaced: string | null,
): Promise<void> {
  await db.query(
    `with made as (
       insert into identifier (id, subject_id, type, sealed) values (gen_random_uuid(), $1, $2, $3) returning id),
     moved as (
       update identifier_key k set identifier_id = made.id from made where k.identifier_id = $5::uuid returning k.key)
     insert into identifier_key (type, key, identifier_id)
     select $2, key, made.id from made, unnest($4::bytea[]) key where key not in (select key from moved)`,
    [number.subjectId, number.type, number.sealed, number.keys, replaced],
  )
}

/**
 * Opens a case for each open account, at every portal, that has a number which was just cancelled.
 * @param keys hashes of the number under every index key
 * @returns the new cases
 */
export async function questionAccountsOf(
  db: Db,
  {
    type,
    keys,
    subjectId,
    mask,
    by,
    reference,
  }: {
    type: IdentifierType
    keys: readonly Buffer[]
    subjectId: string
    mask: number
    by: string
    reference: string | undefined
  },
): Promise<{ id: string; account: string; clientId: string }[]> {
  return db.query(
    `with bearing as (
       select a.id, a.client_id from legacy_account a
       where a.identifier_type = $1 and a.identifier_key = any($2::bytea[]) and a.state = 'open'
       order by a.id for update),
     moved as (
       update legacy_account a set state = 'in_review', classes = a.classes | $4::int
       from bearing b where a.id = b.id returning 1)
     insert into review_case (account_id, client_id, reason, subject_id, opened_by, reference)
     select id, client_id, 'number_cancelled', $3, $5, $6 from bearing on conflict do nothing
     returning id, account_id::text as account, client_id as "clientId"`,
    [type, keys, subjectId, mask, by, reference],
  )
}
