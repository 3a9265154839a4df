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
