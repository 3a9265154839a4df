import type { Db } from './db.ts'

/** One use of an Idempotency-Key: by whom, for which operation. */
export interface KeyUse {
  readonly operatorId: string
  readonly operation: string
  readonly keyHash: Buffer
}
export interface Attempt {
  readonly reference: string
  readonly sealed: Buffer
}
export type EarlierAttempt = Attempt & { readonly state: 'done' | 'alive' | 'dead' }

/** How long a key is stored. */
const kept = `interval '24 hours'`
/** After this time an attempt counts as dead; its statements end within seconds. */
const held = `interval '5 minutes'`

/** @returns whether this attempt now owns the key */
export async function beginAttempt(db: Db, use: KeyUse, { reference, sealed }: Attempt): Promise<boolean> {
  const rows = await db.query(
    `insert into idempotent_request as r (operator_id, operation, key_hash, reference, held_until, sealed)
     values ($1, $2, $3, $4, now() + ${held}, $5)
     on conflict (operator_id, operation, key_hash) do update set reference = excluded.reference, begun_at = now(),
       held_until = excluded.held_until, sealed = excluded.sealed where r.begun_at < now() - ${kept}
     returning 1`,
    [use.operatorId, use.operation, use.keyHash, reference, sealed],
  )
  return rows.length === 1
}

export async function findAttempt(db: Db, use: KeyUse): Promise<EarlierAttempt | undefined> {
  const [row] = await db.query<EarlierAttempt>(
    `select reference, sealed, case when held_until is null then 'done' when held_until > now() then 'alive'
       else 'dead' end as state
     from idempotent_request where operator_id = $1 and operation = $2 and key_hash = $3`,
    [use.operatorId, use.operation, use.keyHash],
  )
  return row
}

/** Whether a request wrote anything: every write records an audit event in its own transaction. */
export async function hasWritten(db: Db, reference: string): Promise<boolean> {
  const rows = await db.query('select 1 from audit_event where reference = $1 limit 1', [reference])
  return rows.length === 1
}

/** Takes over a dead attempt's key; exactly one of several callers succeeds. */
export async function takeOver(db: Db, use: KeyUse, dead: string, reference: string): Promise<boolean> {
  const rows = await db.query(
    `update idempotent_request set reference = $5, held_until = now() + ${held}
     where operator_id = $1 and operation = $2 and key_hash = $3 and reference = $4 and held_until <= now()
     returning 1`,
    [use.operatorId, use.operation, use.keyHash, dead, reference],
  )
  return rows.length === 1
}

/** @param sealed the request's hash and its answer */
export async function endAttempt(db: Db, use: KeyUse, { reference, sealed }: Attempt): Promise<void> {
  await db.query(
    `update idempotent_request set held_until = null, sealed = $5
     where operator_id = $1 and operation = $2 and key_hash = $3 and reference = $4`,
    [use.operatorId, use.operation, use.keyHash, reference, sealed],
  )
}

/** Frees the key, because nothing was written. */
export async function releaseKey(db: Db, use: KeyUse, reference: string): Promise<void> {
  await db.query(
    `delete from idempotent_request
     where operator_id = $1 and operation = $2 and key_hash = $3 and reference = $4`,
    [use.operatorId, use.operation, use.keyHash, reference],
  )
}

/** Marks the attempt as dead, because it is unknown whether it wrote anything; the next request checks. */
export async function abandonAttempt(db: Db, use: KeyUse, reference: string): Promise<void> {
  await db.query(
    `update idempotent_request set held_until = now()
     where operator_id = $1 and operation = $2 and key_hash = $3 and reference = $4`,
    [use.operatorId, use.operation, use.keyHash, reference],
  )
}

export async function forgetAttempts(db: Db): Promise<void> {
  await db.query(`delete from idempotent_request where begun_at < now() - ${kept}`)
}
