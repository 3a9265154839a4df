import type { Db } from './db.ts'

export interface LinkChangeRow {
  /** Decimal. */
  readonly position: string
  readonly change: 'linked' | 'unlinked' | 'primary' | 'not_primary'
  readonly at: Date
  readonly accountKey: Buffer
  readonly sealed: Buffer
  readonly subjectId: string
  readonly method: string
}

/** Largest number of positions assigned by one read; more than the largest page. */
const longestStep = 10_000

/**
 * A portal's changes after a position, oldest first. Rows without a position get one now, under a lock per portal, so
 * that later commits get higher positions than everything already read, and no position is assigned twice. If the lock
 * is taken, no positions are assigned and the read returns what is there, so that no connection waits.
 * Must run in a transaction with read committed isolation: only a statement that starts after the lock was taken sees
 * the positions of the previous reader.
 * @returns undefined for a position that was never assigned
 */
export async function readLinkChanges(
  tx: Db,
  { clientId, after, limit }: { clientId: string; after: string; limit: number },
): Promise<LinkChangeRow[] | undefined> {
  const [lock] = await tx.query<{ taken: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('link_change ' || $1, 0)) as taken`,
    [clientId],
  )
  const [{ last } = { last: '0' }] = await tx.query<{ last: string }>(
    `with last as (select coalesce(max(position), 0) as position from link_change where client_id = $1),
     new as (
       select id, row_number() over (order by id) as n from (
         select id from link_change where client_id = $1 and position is null order by id limit $2) waiting),
     given as (
       update link_change c set position = last.position + new.n from last, new where c.id = new.id returning 1)
     select (last.position + (select count(*) from given))::text as last from last`,
    [clientId, lock!.taken ? longestStep : 0],
  )
  if (BigInt(after) > BigInt(last)) return undefined
  return tx.query<LinkChangeRow>(
    `select c.position::text, c.change, c.at, a.account_key as "accountKey", a.sealed, l.subject_id as "subjectId",
       l.method
     from link_change c join legacy_account a on a.id = c.account_id join account_link l on l.id = c.link_id
     where c.client_id = $1 and c.position > $2::bigint order by c.position limit $3`,
    [clientId, after, limit],
  )
}
