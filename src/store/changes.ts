import type { Db } from './db.ts'

/** A place in a portal's changes: a position, and the change that has it. */
export interface Place {
  /** Decimal; 0 is before the first change. */
  readonly position: string
  /** Identifies the change: after a restore another change gets the same position, but never the same mark. */
  readonly mark: string
}

export interface LinkChangeRow extends Place {
  readonly change: 'linked' | 'unlinked' | 'primary' | 'not_primary'
  readonly at: Date
  readonly accountKey: Buffer
  readonly sealed: Buffer
  readonly subjectId: string
  readonly method: string
}

/** A link's id is random and the time has microseconds, so no two histories have a change with the same mark. */
const mark = `left(encode(sha256(convert_to(
  concat_ws(' ', c.id, c.link_id, c.change, extract(epoch from c.at)), 'UTF8')), 'hex'), 16)`

/** Largest number of positions assigned by one read; more than the largest page. */
const longestStep = 10_000

/**
 * A portal's changes after a place, oldest first. Rows without a position get one now, under a lock per portal, so
 * that later commits get higher positions than everything already read, and no position is assigned twice. If the lock
 * is taken, no positions are assigned and the read returns what is there, so that no connection waits.
 * Must run in a transaction with read committed isolation: only a statement that starts after the lock was taken sees
 * the positions of the previous reader.
 * @returns undefined for a place that these changes do not contain: it was invented, or given out before a restore
 */
export async function readLinkChanges(
  tx: Db,
  { clientId, after, limit }: { clientId: string; after: Place; limit: number },
): Promise<LinkChangeRow[] | undefined> {
  const [lock] = await tx.query<{ taken: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('link_change ' || $1, 0)) as taken`,
    [clientId],
  )
  const [found] = await tx.query<{ known: boolean }>(
    `with last as (select coalesce(max(position), 0) as position from link_change where client_id = $1),
     new as (
       select id, row_number() over (order by id) as n from (
         select id from link_change where client_id = $1 and position is null order by id limit $2) waiting),
     given as (
       update link_change c set position = last.position + new.n from last, new where c.id = new.id)
     select $3::bigint = 0 or exists (
       select from link_change c where client_id = $1 and position = $3::bigint and ${mark} = $4) as known`,
    [clientId, lock!.taken ? longestStep : 0, after.position, after.mark],
  )
  if (!found!.known) return undefined
  return tx.query<LinkChangeRow>(
    `select c.position::text, ${mark} as mark, c.change, c.at, a.account_key as "accountKey", a.sealed, l.subject_id as "subjectId",
       l.method
     from link_change c join legacy_account a on a.id = c.account_id join account_link l on l.id = c.link_id
     where c.client_id = $1 and c.position > $2::bigint order by c.position limit $3`,
    [clientId, after.position, limit],
  )
}
