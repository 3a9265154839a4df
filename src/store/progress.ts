/** Progress of the mapping, from counts that triggers maintain; the accounts are never scanned. */
import type { Db } from './db.ts'

export interface ProgressFilter {
  readonly clientId?: string | undefined
  /** Official province code, or `ministry`. */
  readonly province?: string | undefined
}

export interface ProgressRow {
  readonly clientId: string
  /** The account's province, otherwise its portal's, otherwise `ministry`. */
  readonly province: string
  readonly kind: string
  /** State of the accounts; '' in rows that count links. */
  readonly state: string
  readonly classes: number
  /** Method of the active links; '' in rows that count accounts. */
  readonly method: string
  readonly n: number
}

const provinceOf = `coalesce(nullif(t.province, ''), c.metadata->'policy'->>'province', 'ministry')`
const counted = `mapping_total t left join client c on c.id = t.client_id`
const asked = `($1::text is null or t.client_id = $1) and ($2::text is null or ${provinceOf} = $2)`

export function readProgress(db: Db, { clientId, province }: ProgressFilter): Promise<ProgressRow[]> {
  return db.query<ProgressRow>(
    `select t.client_id as "clientId", ${provinceOf} as province, t.kind, t.state, t.classes, t.method,
       sum(t.n)::float8 as n
     from ${counted} where ${asked}
     group by 1, 2, 3, 4, 5, 6 having sum(t.n) <> 0 order by 1, 2, 3, 4, 5, 6`,
    [clientId ?? null, province ?? null],
  )
}

export interface TrendDay {
  /** Date in Vietnam, `YYYY-MM-DD`. */
  readonly day: string
  /** Net change on the day; negative if more links ended than began. */
  readonly newLinked: number
  readonly newAccounts: number
  /** Totals at the end of the day. */
  readonly linked: number
  readonly accounts: number
}

/** One row per day, `from` and `to` included. */
export function readTrend(
  db: Db,
  { clientId, province, from, to }: ProgressFilter & { readonly from: string; readonly to: string },
): Promise<TrendDay[]> {
  return db.query<TrendDay>(
    `with counted as (
       select t.day, sum(t.n) as accounts, coalesce(sum(t.n) filter (where t.state = 'linked'), 0) as linked
       from ${counted} where ${asked} and t.state <> '' and t.day <= $4::date group by t.day),
     before as (
       select coalesce(sum(accounts), 0) as accounts, coalesce(sum(linked), 0) as linked
       from counted where day < $3::date)
     select d.day::date::text as day,
       coalesce(n.linked, 0)::float8 as "newLinked", coalesce(n.accounts, 0)::float8 as "newAccounts",
       (before.linked + sum(coalesce(n.linked, 0)) over up_to)::float8 as linked,
       (before.accounts + sum(coalesce(n.accounts, 0)) over up_to)::float8 as accounts
     from generate_series($3::date, $4::date, interval '1 day') as d(day)
       cross join before left join counted n on n.day = d.day::date
     window up_to as (order by d.day) order by d.day`,
    [clientId ?? null, province ?? null, from, to],
  )
}

export interface PortalRow {
  readonly clientId: string
  readonly name: string | null
  /** The portal's policy, validated by `registry/clients.ts`; null if the metadata have none. */
  readonly policy: Readonly<Record<string, unknown>> | null
}

export function listPortals(db: Db): Promise<PortalRow[]> {
  return db.query<PortalRow>(
    `select id as "clientId", metadata->>'client_name' as name, metadata->'policy' as policy from client order by id`,
  )
}

/** Moves appended changes into the counts, in batches. Concurrent folds share the work; no change is counted twice. */
export async function foldProgress(db: Db, batch = 50_000): Promise<number> {
  for (let total = 0; ;) {
    const [{ taken } = { taken: 0 }] = await db.query<{ taken: number }>(
      `with taken as (
         delete from mapping_change
         where ctid = any(array(select ctid from mapping_change limit $1 for update skip locked))
         returning *),
       added as (
         insert into mapping_count (client_id, province, day, kind, state, classes, method, n)
         select client_id, province, day, kind, state, classes, method, sum(n) from taken
         group by client_id, province, day, kind, state, classes, method
         -- The same order in all folds prevents deadlocks.
         order by client_id, province, day, kind, state, classes, method
         on conflict (client_id, province, day, kind, state, classes, method)
           do update set n = mapping_count.n + excluded.n
         returning 1)
       select count(*)::int as taken from taken`,
      [batch],
    )
    total += taken
    if (taken < batch) return total
  }
}
