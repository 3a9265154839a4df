import type { IdentifierType } from '../citizen-id.ts'
import type { Db } from './db.ts'
import type { AccountState, Population } from '../vocabulary.ts'

export interface AccountRow {
  readonly account: string
  readonly clientId: string
  readonly accountKey: Buffer
  readonly kind: Population
  readonly state: AccountState
  readonly identifierType: IdentifierType | null
  /** `YYYY-MM-DD`, or null. */
  readonly attestedOn: string | null
  readonly createdBy: string
  readonly lastUsedOn: string | null
  readonly province: string
  readonly classes: number
  readonly sealed: Buffer
  readonly importedAt: Date
  /** This field and the next four describe the active link; null without one. */
  readonly linkId: string | null
  readonly subjectId: string | null
  readonly method: string | null
  readonly linkedAt: Date | null
  readonly isPrimary: boolean | null
}

const accountColumns = `a.id::text as account, a.client_id as "clientId", a.account_key as "accountKey", a.kind, a.state,
  a.identifier_type as "identifierType", a.attested_on::text as "attestedOn", a.created_by as "createdBy",
  a.last_used_on::text as "lastUsedOn", a.province, a.classes, a.sealed, a.imported_at as "importedAt",
  l.id as "linkId", l.subject_id as "subjectId", l.method, l.linked_at as "linkedAt", l.is_primary as "isPrimary"`
const withLink = `legacy_account a left join account_link l on l.account_id = a.id and l.unlinked_at is null`

export async function findAccount(
  db: Db,
  clientId: string,
  accountKey: Buffer,
): Promise<AccountRow | undefined> {
  const [row] = await db.query<AccountRow>(
    `select ${accountColumns} from ${withLink} where a.client_id = $1 and a.account_key = $2`,
    [clientId, accountKey],
  )
  return row
}

export async function findAccountByNumber(db: Db, account: string): Promise<AccountRow | undefined> {
  const [row] = await db.query<AccountRow>(
    `select ${accountColumns} from ${withLink} where a.id = $1::bigint`,
    [account],
  )
  return row
}

/**
 * Finds accounts by the keyed hashes of a number or a CMND.
 * @param clientId null: all portals
 * @param after the number of the last account of the previous page
 */
export async function searchAccounts(
  db: Db,
  {
    column,
    keys,
    clientId,
    after = '0',
    limit,
  }: {
    column: 'identifier_key' | 'hint_key'
    keys: readonly Buffer[]
    clientId: string | null
    after?: string | undefined
    limit: number
  },
): Promise<AccountRow[]> {
  return db.query<AccountRow>(
    `select ${accountColumns} from ${withLink}
     where a.${column} = any($1::bytea[]) and ($2::text is null or a.client_id = $2) and a.id > $3::bigint
     order by a.id limit $4`,
    [keys, clientId, after, limit],
  )
}

/** A portal's accounts, linked ones first; for tests and the demo. */
export async function listAccounts(db: Db, clientId: string, limit = 1_000): Promise<AccountRow[]> {
  return db.query<AccountRow>(
    `select ${accountColumns} from ${withLink} where a.client_id = $1 order by l.linked_at, a.id limit $2`,
    [clientId, limit],
  )
}

/** Every act locks the account's row first, so that acts, logins and imports are serialised. */
export async function lockAccount(db: Db, account: string): Promise<AccountRow | undefined> {
  await db.query('select 1 from legacy_account where id = $1::bigint for update', [account])
  return findAccountByNumber(db, account)
}

/** @param from the states in which the change is allowed (`mapping/states.ts`) @returns false when nothing changed */
export async function moveAccount(
  db: Db,
  account: string,
  from: readonly string[],
  to: string,
): Promise<boolean> {
  const rows = await db.query(
    'update legacy_account set state = $3 where id = $1::bigint and state = any($2::text[]) returning 1',
    [account, from, to],
  )
  return rows.length === 1
}

/** Adds and removes classes of the account (bit masks of `mapping/classes.ts`). */
export async function changeClasses(
  db: Db,
  account: string,
  { add = 0, drop = 0 }: { add?: number; drop?: number },
): Promise<void> {
  await db.query('update legacy_account set classes = classes & ~$3::int | $2::int where id = $1::bigint', [
    account,
    add,
    drop,
  ])
}

/** Replaces the account's record; the new number counts as not attested. */
export async function replaceRecord(
  db: Db,
  account: string,
  record: {
    readonly identifierType: IdentifierType
    readonly identifierKey: Buffer
    readonly hintKey: Buffer | null
    readonly sealed: Buffer
    readonly digest: Buffer
    readonly add: number
    readonly drop: number
  },
): Promise<void> {
  await db.query(
    `update legacy_account set identifier_type = $2, identifier_key = $3, hint_key = $4, sealed = $5, digest = $6,
       attested_on = null, classes = classes & ~$8::int | $7::int
     where id = $1::bigint`,
    [
      account,
      record.identifierType,
      record.identifierKey,
      record.hintKey,
      record.sealed,
      record.digest,
      record.add,
      record.drop,
    ],
  )
}

export interface LinkHistoryRow {
  readonly id: string
  readonly subjectId: string
  readonly method: string
  readonly evidence: Record<string, unknown>
  readonly linkedBy: string
  readonly linkedAt: Date
  readonly unlinkedAt: Date | null
  readonly unlinkedBy: string | null
  readonly unlinkReason: string | null
}

/** All links of the account, active and ended, newest first. */
export function listLinkHistory(db: Db, account: string): Promise<LinkHistoryRow[]> {
  return db.query<LinkHistoryRow>(
    `select id, subject_id as "subjectId", method, evidence, linked_by as "linkedBy", linked_at as "linkedAt",
       unlinked_at as "unlinkedAt", unlinked_by as "unlinkedBy", unlink_reason as "unlinkReason"
     from account_link where account_id = $1::bigint order by linked_at desc, id`,
    [account],
  )
}
