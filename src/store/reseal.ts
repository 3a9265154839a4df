/**
 * Reads and writes rows for re-sealing. A row is written only if it has not changed since it was read. Locked rows are
 * skipped unless `wait` is set, so that a login never waits for longer than one row takes.
 */
import type { Db, Session } from './db.ts'
import type { SealedTable } from './ring.ts'
import type { AccountCreator, Population } from '../vocabulary.ts'

export interface SealedRow {
  readonly id: string
  readonly sealed: Buffer
}
/** Selects the rows after a key, in key order, or the rows with these keys. */
export type Which =
  | { readonly after: string | null; readonly limit: number }
  | { readonly ids: readonly string[] }

const first = { uuid: '00000000-0000-0000-0000-000000000000', bigint: '0', text: '' } as const
/** Two different SQL texts, because one text for both cases would get a bad plan. */
const chosen = (which: Which, key: string, type: keyof typeof first, n: number) =>
  'ids' in which
    ? { where: `${key} = any($${n}::${type}[])`, tail: `order by ${key}`, value: which.ids }
    : {
        where: `${key} > $${n}::${type}`,
        tail: `order by ${key} limit ${which.limit}`,
        value: which.after ?? first[type],
      }
const held = (wait: boolean) => (wait ? 'for no key update of t' : 'for no key update of t skip locked')

/** Limits the wait for a locked row; the caller tries again after the error `55P03`. */
export async function waitBriefly(tx: Db): Promise<void> {
  await tx.query(`set local lock_timeout = '1s'`)
}

// ── Any column

/** The selected rows that are not sealed under this key. */
export function readSealed(
  db: Db,
  { name, key, keyType, context }: SealedTable,
  keyId: Buffer,
  which: Which,
): Promise<(SealedRow & { context: Buffer })[]> {
  const { where, tail, value } = chosen(which, key, keyType, 2)
  return db.query(
    `select (${key})::text as id, t.sealed, ${context} as context from ${name} t
     where t.sealed is not null and substring(t.sealed from 1 for 4) <> $1 and ${where} ${tail}`,
    [keyId, value],
  )
}

/** @returns the rows that were written */
export async function writeSealed(
  db: Db,
  { name, key, keyType }: SealedTable,
  rows: readonly (SealedRow & { was: Buffer })[],
  wait: boolean,
): Promise<string[]> {
  const written = await db.query<{ id: string }>(
    `with given as (select * from unnest($1::${keyType}[], $2::bytea[], $3::bytea[]) as g(id, was, sealed)),
     free as materialized (
       select ${key} as id from ${name} t join given g on g.id = ${key} and g.was = t.sealed
       order by ${key} ${held(wait)})
     update ${name} t set sealed = g.sealed from free f join given g on g.id = f.id
     where ${key} = f.id and t.sealed = g.was returning (${key})::text as id`,
    [rows.map(({ id }) => id), rows.map(({ was }) => was), rows.map(({ sealed }) => sealed)],
  )
  return written.map(({ id }) => id)
}

// ── Numbers of persons

export interface IdentifierRow extends SealedRow {
  readonly type: string
  /** Hashes of this identifier; empty when another identifier of the same number has taken them over. */
  readonly keys: readonly Buffer[]
}

export function readIdentifiers(db: Db, which: Which): Promise<IdentifierRow[]> {
  const { where, tail, value } = chosen(which, 't.id', 'uuid', 1)
  return db.query(
    `select t.id, t.type, t.sealed, array(select k.key from identifier_key k where k.identifier_id = t.id) as keys
     from identifier t where ${where} ${tail}`,
    [value],
  )
}

export interface IdentifierChange extends SealedRow {
  readonly type: string
  readonly was: Buffer
  /** All hashes that the identifier must have. */
  readonly keys: readonly Buffer[]
}

/** Both this and a transfer of the hashes to another identifier lock the row first, so they are serialised. */
export async function writeIdentifiers(
  tx: Session,
  rows: readonly IdentifierChange[],
  wait: boolean,
): Promise<string[]> {
  const written = await tx.query<{ id: string }>(
    `with given as (select * from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as g(id, was, sealed)),
     free as materialized (
       select t.id from identifier t join given g on g.id = t.id and g.was = t.sealed order by t.id ${held(wait)})
     update identifier t set sealed = g.sealed from free f join given g on g.id = f.id
     where t.id = f.id and t.sealed = g.was returning t.id`,
    [rows.map(({ id }) => id), rows.map(({ was }) => was), rows.map(({ sealed }) => sealed)],
  )
  const ids = new Set(written.map(({ id }) => id))
  const wanted = rows
    .filter(({ id }) => ids.has(id))
    .flatMap(({ id, type, keys }) => keys.map((key) => ({ id, type, key })))
  const values = [wanted.map(({ id }) => id), wanted.map(({ type }) => type), wanted.map(({ key }) => key)]
  const given = 'unnest($1::uuid[], $2::text[], $3::bytea[]) as g(id, type, key)'
  await tx.query(
    `insert into identifier_key (type, key, identifier_id)
     select g.type, g.key, g.id from ${given}
     where exists (select from identifier_key k where k.identifier_id = g.id) on conflict do nothing`,
    values,
  )
  await tx.query(
    `delete from identifier_key k where k.identifier_id = any($1::uuid[])
       and not exists (select from ${given} where g.id = k.identifier_id and g.type = k.type and g.key = k.key)`,
    values,
  )
  return [...ids]
}

// ── Legacy accounts

export interface AccountRow extends SealedRow {
  readonly accountKey: Buffer
  readonly identifierKey: Buffer | null
  readonly hintKey: Buffer | null
  readonly digest: Buffer
  readonly kind: Population
  readonly attestedOn: string | null
  readonly createdBy: AccountCreator
  readonly lastUsedOn: string | null
  readonly province: string
  readonly classes: number
}

export function readAccounts(db: Db, which: Which): Promise<AccountRow[]> {
  const { where, tail, value } = chosen(which, 't.id', 'bigint', 1)
  return db.query(
    `select t.id::text, t.sealed, t.account_key as "accountKey", t.identifier_key as "identifierKey",
       t.hint_key as "hintKey", t.digest, t.kind, t.attested_on::text as "attestedOn", t.created_by as "createdBy",
       t.last_used_on::text as "lastUsedOn", t.province, t.classes
     from legacy_account t where ${where} ${tail}`,
    [value],
  )
}

export interface AccountChange extends SealedRow {
  readonly was: Buffer
  readonly identifierKey: Buffer | null
  readonly hintKey: Buffer | null
  readonly digest: Buffer
}

/** Changes nothing that is counted, in the feed, or visible to portals. */
export async function writeAccounts(
  db: Db,
  rows: readonly AccountChange[],
  wait: boolean,
): Promise<string[]> {
  const written = await db.query<{ id: string }>(
    `with given as (
       select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[])
         as g(id, was, sealed, identifier_key, hint_key, digest)),
     free as materialized (
       select t.id from legacy_account t join given g on g.id = t.id and g.was = t.sealed order by t.id ${held(wait)})
     update legacy_account t
     set sealed = g.sealed, identifier_key = g.identifier_key, hint_key = g.hint_key, digest = g.digest
     from free f join given g on g.id = f.id where t.id = f.id and t.sealed = g.was returning t.id::text as id`,
    [
      rows.map(({ id }) => id),
      rows.map(({ was }) => was),
      rows.map(({ sealed }) => sealed),
      rows.map(({ identifierKey }) => identifierKey),
      rows.map(({ hintKey }) => hintKey),
      rows.map(({ digest }) => digest),
    ],
  )
  return written.map(({ id }) => id)
}
