/** The backlog (open cases, imports, audit rows without a checkpoint) and the database's clock. */
import type { Db } from './db.ts'

export interface Backlog {
  readonly openCases: number
  /** Age of the oldest open case in seconds; 0 without one. */
  readonly oldestCase: number
  readonly importsRunning: number
  readonly importsStuck: number
  /** Age of the oldest audit row without a checkpoint, in seconds; a failing checkpointer would not report it. */
  readonly uncovered: number
  /** Seconds since the epoch. */
  readonly clock: number
}

/** An import is stuck if it made no progress for ten minutes and the portal has no later import; ignored after a week. */
export async function readBacklog(db: Db): Promise<Backlog> {
  const [row] = await db.query<Backlog>(
    `with unfinished as (
       select touched_at > now() - interval '10 minutes' as moves,
         exists (select from legacy_import l where l.client_id = i.client_id and l.begun_at > i.begun_at) as is_past
       from legacy_import i
       where state not in ('done', 'failed') and begun_at > now() - interval '7 days'),
     waiting as (select count(*)::float8 as n, min(opened_at) as oldest from review_case where outcome is null)
     select waiting.n as "openCases",
       coalesce(extract(epoch from now() - waiting.oldest), 0)::float8 as "oldestCase",
       (select count(*) from unfinished where moves)::float8 as "importsRunning",
       (select count(*) from unfinished where not moves and not is_past)::float8 as "importsStuck",
       coalesce((select extract(epoch from now() - at) from audit_event
         where id > coalesce((select last_id from audit_checkpoint order by number desc limit 1), 0)
         order by id limit 1), 0)::float8 as uncovered,
       extract(epoch from clock_timestamp())::float8 as clock
     from waiting`,
  )
  return row!
}
