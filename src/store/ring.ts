/** The tables with sealed values, and the use of the ring's keys. Every sealed value begins with the id of its key. */
import type { Db } from './db.ts'

/** A table with a column `sealed`; a test checks that none is missing here. */
export interface SealedTable {
  readonly name: string
  /** The purpose of its seal (`createSeal`). */
  readonly purpose: string
  /** SQL over the row `t`: its primary key, by which rows are ordered. */
  readonly key: string
  readonly keyType: 'uuid' | 'bigint' | 'text'
  /** SQL over `t`: the seal's context as bytes. */
  readonly context: string
}

const text = (expression: string) => `convert_to(${expression}, 'UTF8')`
const request = `t.operator_id || ' ' || t.operation || ' ' || encode(t.key_hash, 'hex')`

/** The small tables; `identifier` and `legacy_account` also have keyed hashes. */
export const sealedTables: readonly SealedTable[] = [
  { name: 'signing_key', purpose: 'signing key', key: 't.kid', keyType: 'text', context: text('t.kid') },
  { name: 'audit_key', purpose: 'signing key', key: 't.kid', keyType: 'text', context: text('t.kid') },
  {
    name: 'idempotent_request',
    purpose: 'kept answer',
    key: request,
    keyType: 'text',
    context: text(request),
  },
  { name: 'approval', purpose: 'approval', key: 't.id', keyType: 'uuid', context: text('t.id::text') },
  {
    name: 'review_case',
    purpose: 'legacy account',
    key: 't.id',
    keyType: 'uuid',
    context: '(select a.account_key from legacy_account a where a.id = t.account_id)',
  },
]
export const numberedTables = [
  { name: 'identifier', purpose: 'identifier' },
  { name: 'legacy_account', purpose: 'legacy account' },
] as const

export interface KeyUse {
  readonly purpose: string
  readonly keyId: Buffer
  /** When a node last recorded that it writes under this key. */
  readonly seenAt: Date
}

export async function listKeyUse(db: Db): Promise<KeyUse[]> {
  return db.query<KeyUse>(
    'select purpose, key_id as "keyId", seen_at as "seenAt" from ring_key_use order by purpose, key_id',
  )
}

/** Keys that nodes recorded within the last `within` milliseconds. */
export function listKeysInUse(db: Db, within: number): Promise<Omit<KeyUse, 'seenAt'>[]> {
  return db.query(
    `select purpose, key_id as "keyId" from ring_key_use where seen_at > now() - make_interval(secs => $1 / 1000.0)`,
    [within],
  )
}

/** Whether the table exists; before the first migration nothing is sealed. */
export async function hasKeyUse(db: Db): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>(`select to_regclass('ring_key_use') is not null as found`)
  return row!.found
}

/** Records that this node writes under these keys. */
export async function touchKeyUse(db: Db, uses: readonly Omit<KeyUse, 'seenAt'>[]): Promise<void> {
  await db.query(
    `insert into ring_key_use (purpose, key_id)
     select * from unnest($1::text[], $2::bytea[]) as u(purpose, key_id) order by 1, 2
     on conflict (purpose, key_id) do update set seen_at = now()`,
    [uses.map(({ purpose }) => purpose), uses.map(({ keyId }) => keyId)],
  )
}

/** Records all keys for a purpose that has no record yet, because any of them may be in use. */
export async function beginKeyUse(db: Db, purpose: string, keyIds: readonly Buffer[]): Promise<void> {
  await db.query(
    `insert into ring_key_use (purpose, key_id)
     select $1, id from unnest($2::bytea[]) id where not exists (select from ring_key_use where purpose = $1)
     on conflict do nothing`,
    [purpose, keyIds],
  )
}

/** Deletes the records of keys that seal nothing, unless a node has recorded a use since `since`. */
export async function forgetKeyUse(
  db: Db,
  uses: readonly Omit<KeyUse, 'seenAt'>[],
  since: Date,
): Promise<void> {
  await db.query(
    `delete from ring_key_use r using unnest($1::text[], $2::bytea[]) as u(purpose, key_id)
     where r.purpose = u.purpose and r.key_id = u.key_id and r.seen_at < $3`,
    [uses.map(({ purpose }) => purpose), uses.map(({ keyId }) => keyId), since],
  )
}

/** Scans the tables; used only in the rare case that a key is missing. */
export async function isKeyUsed(db: Db, { purpose, keyId }: Omit<KeyUse, 'seenAt'>): Promise<boolean> {
  for (const table of [...sealedTables, ...numberedTables]) {
    if (table.purpose !== purpose) continue
    const [row] = await db.query<{ found: boolean }>(
      `select exists (select from ${table.name} where substring(sealed from 1 for 4) = $1) as found`,
      [keyId],
    )
    if (row!.found) return true
  }
  return false
}

export interface SealedRows {
  readonly table: string
  readonly purpose: string
  readonly keyId: Buffer
  readonly rows: number
}

/** Scans all tables: seconds for ten million rows. */
export async function countSealed(db: Db): Promise<SealedRows[]> {
  const counted: SealedRows[] = []
  for (const { name, purpose } of [...numberedTables, ...sealedTables]) {
    const rows = await db.query<{ keyId: Buffer; rows: number }>(
      `select substring(sealed from 1 for 4) as "keyId", count(*)::float8 as rows from ${name}
       where sealed is not null group by 1 order by 1`,
    )
    counted.push(...rows.map((row) => ({ table: name, purpose, ...row })))
  }
  return counted
}
