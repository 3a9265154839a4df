import type { Db } from './db.ts'

export interface SigningKeyRow {
  readonly kid: string
  readonly alg: string
  readonly public: Record<string, unknown>
  /** The private JWK, sealed. */
  readonly sealed: Buffer
}

/**
 * The first fitting key signs: the newest that has been published for an hour, so that no node signs with what
 * another does not publish yet; before that the oldest.
 */
export function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return db.query<SigningKeyRow>(
    `select kid, alg, public, sealed from signing_key, lateral (select created_at > now() - interval '1 hour' as fresh) age
     order by fresh, case when fresh then created_at end, created_at desc, kid`,
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
