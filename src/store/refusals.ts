import type { Db } from './db.ts'

export interface RefusalRow {
  /** Decimal; the cursor. */
  readonly id: string
  readonly at: Date
  readonly clientId: string | null
  readonly subjectId: string | null
  readonly reason: string | null
  readonly population: string | null
  /** Start of the lock for this population. */
  readonly since: string | null
  readonly reference: string | null
}

/** Refused links, oldest first. @param after the id of the last row of the previous page */
export function listRefusals(
  db: Db,
  { clientId, after, limit }: { clientId: string | undefined; after: string; limit: number },
): Promise<RefusalRow[]> {
  return db.query<RefusalRow>(
    `select id::text, at, client_id as "clientId", subject_id as "subjectId", detail->>'reason' as reason,
       detail->>'population' as population, detail->>'since' as since, reference
     from audit_event
     where class = 'link' and event = 'link.refused' and ($1::text is null or client_id = $1)
       and id > $2::bigint
     order by audit_event.id limit $3`,
    [clientId ?? null, after, limit],
  )
}

export interface RefusalCount {
  readonly clientId: string | null
  readonly reason: string | null
  readonly n: number
  readonly first: Date
  readonly last: Date
}

export function countRefusals(db: Db, clientId: string | undefined): Promise<RefusalCount[]> {
  return db.query<RefusalCount>(
    `select client_id as "clientId", detail->>'reason' as reason, count(*)::int as n, min(at) as first, max(at) as last
     from audit_event
     where class = 'link' and event = 'link.refused' and ($1::text is null or client_id = $1)
     group by 1, 2 order by 1, 2`,
    [clientId ?? null],
  )
}
