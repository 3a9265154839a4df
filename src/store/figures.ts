/** Portals' figures: counts by day, without any data of persons. */
import type { Tally } from '../telemetry/tally.ts'
import type { Db } from './db.ts'

/**
 * Adds to the counts of the day. Also sets a portal's `first_person_at` once; persons who signed in while the portal
 * used another portal's `sub`s do not count (`hasOwnPersons`, which reads the last minutes from the audit).
 */
export async function addTallies(db: Db, tallies: readonly Tally[]): Promise<void> {
  await db.query(
    `with counted as (
       select * from jsonb_to_recordset($1::jsonb) as t("clientId" text, day date, what text, code text, n bigint)),
     first as (
       update client c set first_person_at = now() from counted t
       where t."clientId" = c.id and t.what = 'login' and t.code = '' and c.first_person_at is null
         and not exists (select from client_rehome r where r.new_client = c.id and r.subs = 'old'
           and (r.undone_at is null or r.undone_at > now() - interval '1 minute')))
     insert into portal_day (client_id, day, what, code, n)
     select t."clientId", t.day, t.what, t.code, t.n from counted t
     -- The same order on all nodes prevents deadlocks.
     order by 1, 2, 3, 4
     on conflict (client_id, day, what, code) do update set n = portal_day.n + excluded.n`,
    [JSON.stringify(tallies)],
  )
}

export interface DayRow {
  readonly clientId: string
  /** Date in Vietnam, `YYYY-MM-DD`. */
  readonly day: string
  readonly what: Tally['what']
  readonly code: string
  readonly n: number
}

interface Asked {
  /** Undefined: all portals. */
  readonly clientId: string | undefined
}

/** Counts by day, `from` and `to` included. */
export function listDays(
  db: Db,
  { clientId, from, to }: Asked & { from: string; to: string },
): Promise<DayRow[]> {
  return db.query<DayRow>(
    `select client_id as "clientId", day::text, what, code, n::float8 as n from portal_day
     where ($1::text is null or client_id = $1) and day between $2::date and $3::date
     order by client_id, day, what, code`,
    [clientId ?? null, from, to],
  )
}

/** Number of accounts by state, from the counts that triggers maintain. */
export function countStates(
  db: Db,
  { clientId }: Asked,
): Promise<{ clientId: string; state: string; n: number }[]> {
  return db.query(
    `select client_id as "clientId", state, sum(n)::float8 as n from mapping_total
     where ($1::text is null or client_id = $1) and state <> '' group by 1, 2 having sum(n) <> 0`,
    [clientId ?? null],
  )
}

/** Expiry times of the active secrets. */
export function listSecretEnds(
  db: Db,
  { clientId }: Asked,
): Promise<{ clientId: string; expiresAt: Date }[]> {
  return db.query(
    `select client_id as "clientId", expires_at as "expiresAt" from client_secret
     where ($1::text is null or client_id = $1) and slot is not null order by 1, 2`,
    [clientId ?? null],
  )
}

/** @param days retention in days; default five years, like the audit's */
export async function deleteOldFigures(db: Db, days = 5 * 365): Promise<void> {
  await db.query(`delete from portal_day where day < vietnam_date() - $1::int`, [days])
}
