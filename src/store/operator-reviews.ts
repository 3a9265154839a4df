/** The access review: activity of operators since the last review, and confirmations. */
import type { Db } from './db.ts'

/** Months between two reviews. */
const period = 6

export interface ReviewPeriod {
  /** Time of the last confirmed review; null: there was none. */
  readonly since: Date | null
  /** When the next review is due; null: there is no operator yet. */
  readonly dueAt: Date | null
  readonly now: Date
}

export async function findReviewPeriod(db: Db): Promise<ReviewPeriod> {
  const [row] = await db.query<ReviewPeriod>(
    `select last.since, now() as now,
       coalesce(last.since, (select min(created_at) from operator)) + make_interval(months => ${period}) as "dueAt"
     from (select max(read_at) as since from operator_review) last`,
  )
  return row!
}

/** Counts audit events of operators only: the condition on `actor` matches the partial index. */
export function countOperatorEvents(
  db: Db,
  { since, until }: { since: Date | null; until: Date },
): Promise<{ actor: string; event: string; n: number }[]> {
  return db.query(
    `select actor, event, count(*)::int as n from audit_event
     where actor not in ('citizen', 'portal', 'system', 'local', 'sandbox')
       and actor in (select id from operator)
       and ($1::timestamptz is null or at > $1::timestamptz) and at <= $2::timestamptz
     group by actor, event order by actor, event`,
    [since, until],
  )
}

/** @returns false when no report was read at this time (by the audit), or a later one is confirmed */
export async function insertReview(tx: Db, { readAt, by }: { readAt: Date; by: string }): Promise<boolean> {
  const rows = await tx.query(
    `insert into operator_review (read_at, confirmed_by)
     select $1::timestamptz, $2 where exists (select from audit_event
         where event = 'operator.review_read' and at >= $1::timestamptz and detail->>'read_at' = $3)
       and not exists (select from operator_review where read_at >= $1::timestamptz) returning 1`,
    [readAt, by, readAt.toISOString()],
  )
  return rows.length === 1
}
