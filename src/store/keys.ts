import type { Db } from './db.ts'

export interface SigningKeyRow {
  readonly kid: string
  readonly alg: string
  readonly public: Record<string, unknown>
  /** The private JWK, sealed. */
  readonly sealed: Buffer
}

/** Newest first: the first fitting key signs. */
export function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return db.query<SigningKeyRow>(
    'select kid, alg, public, sealed from signing_key order by created_at desc, kid',
  )
}

export async function insertSigningKey(db: Db, key: SigningKeyRow): Promise<void> {
  await db.query('insert into signing_key (kid, alg, public, sealed) values ($1, $2, $3, $4)', [
    key.kid,
    key.alg,
    JSON.stringify(key.public),
    key.sealed,
  ])
}
