import type { IdentifierType } from '../citizen-id.ts'
import type { Db } from './db.ts'

export interface LegacyAccountRow {
  readonly clientId: string
  readonly accountId: string
  readonly kind: 'citizen' | 'foreigner' | 'organisation' | 'staff'
  readonly identifier?: { readonly type: IdentifierType; readonly key: Buffer; readonly sealed: Buffer }
  readonly attestedAt?: Date
}

/** Idempotent: an account that is there already is left as it is. */
export async function insertLegacyAccount(db: Db, account: LegacyAccountRow): Promise<boolean> {
  const rows = await db.query(
    `insert into legacy_account (client_id, account_id, kind, identifier_type, identifier_key, identifier, attested_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning 1`,
    [
      account.clientId,
      account.accountId,
      account.kind,
      account.identifier?.type ?? null,
      account.identifier?.key ?? null,
      account.identifier?.sealed ?? null,
      account.attestedAt ?? null,
    ],
  )
  return rows.length === 1
}

/** A legacy account as it is stored, and whose it is. */
export interface MappingRow {
  readonly accountId: string
  readonly kind: string
  readonly state: string
  readonly identifierType: IdentifierType | null
  /** Sealed. */
  readonly identifier: Buffer | null
  readonly attestedAt: Date | null
  readonly subjectId: string | null
  readonly method: string | null
}

/** All of one portal’s legacy accounts, the linked ones first. */
export async function listMapping(db: Db, clientId: string): Promise<MappingRow[]> {
  return db.query<MappingRow>(
    `select a.account_id as "accountId", a.kind, a.state, a.identifier_type as "identifierType", a.identifier,
       a.attested_at as "attestedAt", l.subject_id as "subjectId", l.method
     from legacy_account a
       left join account_link l
         on l.client_id = a.client_id and l.account_id = a.account_id and l.unlinked_at is null
     where a.client_id = $1 order by l.linked_at, a.created_at, a.account_id`,
    [clientId],
  )
}
