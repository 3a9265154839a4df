/** Counts violations of the mapping's invariants in the tables; every number must be zero. */
import type { Db } from '../../../src/store/db.ts'

export interface MappingFaults {
  readonly linkedWithoutLink: number
  readonly linkWithoutState: number
  readonly linkWithoutAudit: number
  readonly endWithoutAudit: number
  readonly reviewWithoutCase: number
  /** Rows of the counts that differ from the tables. */
  readonly tallyOff: number
}
export const noFaults: MappingFaults = {
  linkedWithoutLink: 0,
  linkWithoutState: 0,
  linkWithoutAudit: 0,
  endWithoutAudit: 0,
  reviewWithoutCase: 0,
  tallyOff: 0,
}

export async function checkMapping(db: Db): Promise<MappingFaults> {
  const audited = (event: string) =>
    `exists (select from audit_event e where e.event = '${event}' and e.detail->>'link' = l.id::text)`
  const [faults] = await db.query<MappingFaults>(
    `with truth as (
       select client_id, province, kind, state, classes, '' as method, count(*) as n
       from legacy_account group by 1, 2, 3, 4, 5
       union all
       select l.client_id, a.province, a.kind, '', 0, l.method, count(*)
       from account_link l join legacy_account a on a.id = l.account_id where l.unlinked_at is null group by 1, 2, 3, 6),
     tally as (
       select client_id, province, kind, state, classes, method, sum(n) as n
       from mapping_total group by 1, 2, 3, 4, 5, 6 having sum(n) <> 0)
     select
       (select count(*)::int from legacy_account a where a.state = 'linked' and not exists (
         select from account_link l where l.account_id = a.id and l.unlinked_at is null)) as "linkedWithoutLink",
       (select count(*)::int from account_link l join legacy_account a on a.id = l.account_id
         where l.unlinked_at is null and a.state <> 'linked') as "linkWithoutState",
       (select count(*)::int from account_link l where not ${audited('link.created')}) as "linkWithoutAudit",
       (select count(*)::int from account_link l where l.unlinked_at is not null and not ${audited('link.ended')})
         as "endWithoutAudit",
       (select count(*)::int from legacy_account a where a.state = 'in_review' and not exists (
         select from review_case c where c.account_id = a.id and c.outcome is null)) as "reviewWithoutCase",
       (select count(*)::int from truth
         full join tally using (client_id, province, kind, state, classes, method)
         where truth.n is distinct from tally.n) as "tallyOff"`,
  )
  return faults!
}
