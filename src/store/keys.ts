/** Signing keys and their calendar. All times come from the database; its clock decides which key signs. */
import type { Db } from './db.ts'

export interface SigningKeyRow {
  readonly kid: string
  readonly alg: string
  readonly public: Record<string, unknown>
  /** The private JWK, sealed. */
  readonly sealed: Buffer
}

/** `next` is published and does not sign yet; `previous` has signed and is still published. */
export type KeyState = 'next' | 'current' | 'previous'

export interface CalendarRow {
  readonly kid: string
  readonly alg: string
  readonly state: KeyState
  readonly publishedAt: Date
  readonly signsFrom: Date
  /** Null while there is no successor. */
  readonly signsUntil: Date | null
  readonly publishedUntil: Date | null
}

/** Seconds that portals may cache the JWKS (`Cache-Control`). */
export const cacheTime = 600
/** Seconds between publication and first signature: default, and minimum (cache time plus five minutes of clock skew). */
export const usualAnnouncement = 24 * 3600
export const leastAnnouncement = cacheTime + 300
/** Seconds that a key stays published after its last signature: longest ID token, cache time, five minutes of clock skew. */
const overlap = 3600 + cacheTime + 300

/**
 * Per algorithm, the newest key with `sign_from` in the past signs; if there is none, the oldest. A key with a successor
 * stays published for `$1` seconds.
 */
const calendar = `
  ordered as (
    select *, lead(sign_from) over (partition by alg order by sign_from, kid) as follows,
      row_number() over (partition by alg
        order by sign_from <= now() desc, case when sign_from <= now() then sign_from end desc, sign_from, kid) as rank
    from signing_key),
  standing as (
    select *, follows + make_interval(secs => $1) as until,
      case when rank = 1 then 'current' when sign_from > now() then 'next' else 'previous' end as state
    from ordered)`
const isPublished = `(state <> 'previous' or until > now())`
const dates = `created_at as "publishedAt", sign_from as "signsFrom", follows as "signsUntil", until as "publishedUntil"`

/** The published keys; per algorithm, the signing key comes first. */
export function listCalendar(db: Db, after = overlap): Promise<CalendarRow[]> {
  return db.query<CalendarRow>(
    `with ${calendar} select kid, alg, state, ${dates} from standing where ${isPublished} order by rank, alg`,
    [after],
  )
}

/** A key that the engine knows: published, or retired but still needed to verify older ID tokens (`id_token_hint`). */
export interface KnownKeyRow extends Omit<CalendarRow, 'state'> {
  readonly state: KeyState | 'retired'
  readonly public: Record<string, unknown>
  /** The sealed private JWK; null for a retired key. */
  readonly sealed: Buffer | null
}

/** The published keys in the order of `listCalendar`, then keys retired within a year, without revoked ones. */
export function listKnownKeys(db: Db, after = overlap): Promise<KnownKeyRow[]> {
  return db.query(
    `with ${calendar},
     known as (
       select kid, alg, public, created_at, sign_from, follows, until, rank,
         case when ${isPublished} then state else 'retired' end as state,
         case when ${isPublished} then sealed end as sealed
       from standing
       union all
       select kid, alg, public, published_at, sign_from, null, null, null, 'retired', null
       from signing_key_history where revoked_at is null and ended_at > now() - interval '1 year')
     select kid, alg, public, sealed, state, ${dates} from known order by state = 'retired', rank, alg, kid`,
    [after],
  )
}

/**
 * Algorithms whose signatures every portal can verify: the first key was published at least `seconds` ago, or before
 * the first portal was registered.
 */
export async function listKnownAlgorithms(db: Db, seconds: number): Promise<string[]> {
  const rows = await db.query<{ alg: string }>(
    `with first as (
       select alg, min(since) as since from (
         select alg, created_at as since from signing_key
         union all select alg, published_at from signing_key_history) key group by alg)
     select alg from first where alg in (select alg from signing_key)
       and (since <= now() - make_interval(secs => $1)
         or not exists (select from client where created_at < first.since))`,
    [seconds],
  )
  return rows.map(({ alg }) => alg)
}

/** Serialises changes of signing keys. */
export async function lockSigningKeys(tx: Db): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('signing keys'), 0)`)
}

/**
 * Inserts a key. The first key of an algorithm signs at once, later ones after the announcement.
 * @param announce seconds between publication and first signature
 * @param notBefore earliest first signature
 * @returns the time of the first signature
 */
export async function insertSigningKey(
  db: Db,
  key: SigningKeyRow,
  { announce, notBefore = null }: { announce: number; notBefore?: Date | null },
): Promise<Date> {
  const [row] = await db.query<{ signsFrom: Date }>(
    `with used as (
       insert into ring_key_use (purpose, key_id) values ('signing key', substring($4::bytea from 1 for 4))
       on conflict do nothing)
     insert into signing_key (kid, alg, public, sealed, sign_from)
     select $1, $2, $3, $4, case when exists (select from signing_key where alg = $2)
       then greatest(now() + make_interval(secs => $5), $6::timestamptz) else now() end
     returning sign_from as "signsFrom"`,
    [key.kid, key.alg, JSON.stringify(key.public), key.sealed, announce, notBefore],
  )
  return row!.signsFrom
}

/** Algorithms whose newest key will have signed for `days` by the time a successor could start. `dueAt`: when to start. */
export function listDueAlgorithms(
  db: Db,
  { days, announce }: { days: number; announce: number },
): Promise<{ alg: string; dueAt: Date }[]> {
  return db.query(
    `select alg, max(sign_from) + make_interval(days => $1::int) as "dueAt" from signing_key group by alg
     having max(sign_from) + make_interval(days => $1::int) <= now() + make_interval(secs => $2) order by alg`,
    [days, announce],
  )
}

const toHistory = `insert into signing_key_history (kid, alg, public, published_at, sign_from, revoked_at, revoked_by, revoke_reason)`

/** Moves keys that are no longer published to the history, and deletes their private halves. @returns these keys */
export function retireSigningKeys(tx: Db, after = overlap): Promise<{ kid: string; alg: string }[]> {
  return tx.query(
    `with ${calendar},
     gone as (
       delete from signing_key where kid in (select kid from standing where not ${isPublished}) returning *)
     ${toHistory} select kid, alg, public, created_at, sign_from, null, null, null from gone returning kid, alg`,
    [after],
  )
}

/** Removes a key from the calendar, or marks a retired one as revoked. @returns undefined for an unknown or revoked key */
export async function revokeSigningKey(
  tx: Db,
  kid: string,
  { by, reason }: { by: string; reason: string },
): Promise<{ kid: string; alg: string } | undefined> {
  const [row] = await tx.query<{ kid: string; alg: string }>(
    `with gone as (delete from signing_key where kid = $1 returning *),
     kept as (
       ${toHistory} select kid, alg, public, created_at, sign_from, now(), $2, $3 from gone returning kid, alg),
     marked as (
       update signing_key_history set revoked_at = now(), revoked_by = $2, revoke_reason = $3
       where kid = $1 and revoked_at is null returning kid, alg)
     select * from kept union all select * from marked`,
    [kid, by, reason],
  )
  return row
}

/** If no key signs yet, makes the next one sign from now on. @returns the signing key's `kid`, undefined if none */
export async function startNextSigningKey(tx: Db, alg: string): Promise<string | undefined> {
  await tx.query(
    `update signing_key set sign_from = now()
     where kid = (select kid from signing_key where alg = $1 order by sign_from, kid limit 1)
       and not exists (select from signing_key where alg = $1 and sign_from <= now())`,
    [alg],
  )
  const rows = await listCalendar(tx)
  return rows.find((row) => row.alg === alg && row.state === 'current')?.kid
}

export interface PastKey {
  readonly kid: string
  readonly alg: string
  readonly publishedAt: Date
  readonly signsFrom: Date
  readonly endedAt: Date
  readonly revokedAt: Date | null
  readonly revokedBy: string | null
  readonly revokeReason: string | null
}

export function listKeyHistory(db: Db): Promise<PastKey[]> {
  return db.query<PastKey>(
    `select kid, alg, published_at as "publishedAt", sign_from as "signsFrom", ended_at as "endedAt",
       revoked_at as "revokedAt", revoked_by as "revokedBy", revoke_reason as "revokeReason"
     from signing_key_history order by ended_at desc, kid`,
  )
}
