/** Invariants of accounts, links, cases and counts when nothing is running; each query finds violations. */
import type { Db } from '../../../src/store/db.ts'

/** Audit rows about one account are in the order of the changes, because they are written under its lock. */
const made = `audit_event made`
const isAutomatic = `made.event = 'link.created' and made.detail->>'method' <> 'operators'
  and made.client_id = any($1)`
const ofItsAccount = (name: string) => `${name}.detail->>'account' = made.detail->>'account'`

const recount = `
  select client_id, province, kind, state, classes, '' as method, count(*) as n
  from legacy_account group by client_id, province, kind, state, classes
  union all
  select l.client_id, a.province, a.kind, '', 0, l.method, count(*)
  from account_link l join legacy_account a on a.id = l.account_id where l.unlinked_at is null
  group by l.client_id, a.province, a.kind, l.method`
const kept = `
  select client_id, province, kind, state, classes, method, sum(n)::bigint as n
  from mapping_total group by client_id, province, kind, state, classes, method having sum(n) <> 0`

/** $1: the portals to check. */
const violations: Readonly<Record<string, string>> = {
  'an account has one active citizen': `
    select account_id from account_link where unlinked_at is null and client_id = any($1)
    group by account_id having count(*) > 1`,
  'a link has evidence, one audit row for its creation and one for its end': `
    select account_id, id from account_link l where client_id = any($1) and (evidence = '{}'
      or 1 <> (select count(*) from audit_event where event = 'link.created' and detail->>'link' = l.id::text
        and subject_id = l.subject_id and detail->>'account' = l.account_id::text)
      or (l.unlinked_at is not null)::int <>
        (select count(*) from audit_event where event = 'link.ended' and detail->>'link' = l.id::text))`,
  'an account is linked exactly when it has an active link': `
    select id as account_id, state from legacy_account a where client_id = any($1) and (state = 'linked') <>
      exists (select from account_link where account_id = a.id and unlinked_at is null)`,
  'an account in review has an open case': `
    select id as account_id, state from legacy_account a where client_id = any($1) and state = 'in_review'
      and not exists (select from review_case where account_id = a.id and outcome is null)`,
  'an open case is of an account in review, or questions a link': `
    select account_id, a.state, reason from review_case c join legacy_account a on a.id = c.account_id
    where c.client_id = any($1) and c.outcome is null and a.state not in ('in_review', 'linked')`,
  'a case has an audit row for its opening, and one for each further change': `
    select account_id, id, reason, outcome from review_case c where client_id = any($1) and (outcome is null)::int <> (
      select coalesce(sum(case event when 'review.decided' then -1 else 1 end), 0) from audit_event
      where event in ('review.opened', 'review.reopened', 'review.decided') and detail->>'case' = c.id::text)`,
  'a link against the number needs two operators': `
    select l.account_id, l.method from account_link l join legacy_account a on a.id = l.account_id
    where l.client_id = any($1) and l.unlinked_at is null and l.method <> 'operators'
      and a.identifier_key is not null and not exists (
        select from identifier_key k join identifier i on i.id = k.identifier_id
        where i.subject_id = l.subject_id and k.key = a.identifier_key)`,
  "operators' links have an approval by another": `
    select l.account_id, l.method from account_link l where client_id = any($1) and method = 'operators' and not exists (
      select from approval p join review_case c on c.id = p.case_id
      where p.id = (l.evidence->>'approval')::uuid and p.outcome = 'approved' and p.ended_by <> p.asked_by
        and p.ended_by = l.linked_by and c.subject_id = l.subject_id and c.account_id = l.account_id)`,
  'a number is accepted by two operators': `
    select c.account_id from review_case c where c.client_id = any($1) and c.outcome = 'accepted' and not exists (
      select from approval p where p.case_id = c.id and p.kind = 'account.accept' and p.outcome = 'approved'
        and p.ended_by <> p.asked_by and p.ended_by = c.decided_by)`,
  'an open approval is about an open case': `
    select c.account_id, c.outcome from approval p join review_case c on c.id = p.case_id
    where c.client_id = any($1) and p.outcome is null and c.outcome is not null`,
  'a person who was denied an account gets it only through operators': `
    select made.detail->>'account' as account_id from ${made} join audit_event denied on denied.event = 'review.decided'
      and denied.detail->>'outcome' = 'dismissed' and ${ofItsAccount('denied')}
      and denied.subject_id = made.subject_id and denied.id < made.id
    where ${isAutomatic}`,
  'a person whose link ended gets the account back only through operators': `
    select made.detail->>'account' as account_id from ${made} join audit_event ended on ended.event = 'link.ended' and ${ofItsAccount('ended')}
      and ended.subject_id = made.subject_id and ended.id < made.id
    where ${isAutomatic}`,
  'after the end of a link an operator decides before there is another': `
    select made.detail->>'account' as account_id from ${made} join audit_event ended on ended.event = 'link.ended' and ${ofItsAccount('ended')}
      and ended.id < made.id
    where ${isAutomatic} and not exists (select from audit_event looked where looked.event = 'review.decided'
      and ${ofItsAccount('looked')} and looked.id between ended.id and made.id)`,
  'a link has one row in the feed for its creation, and one for its end': `
    select account_id, id from account_link l where client_id = any($1) and
      array[1, (unlinked_at is not null)::int] <> (
        select array[count(*) filter (where change = 'linked'), count(*) filter (where change = 'unlinked')]::int[]
        from link_change where link_id = l.id and account_id = l.account_id and client_id = l.client_id)`,
  'the counts are equal to a count of the rows': `
    (select * from (${kept}) kept where client_id = any($1) except select * from (${recount}) counted)
    union all
    (select * from (${recount}) counted where client_id = any($1) except select * from (${kept}) kept)`,
}

/** Invariants of all persons. */
const violationsOfPersons: Readonly<Record<string, string>> = {
  'a person has one number that leads to their subject, and a replaced subject has none': `
    select s.id from subject s where (s.disabled_at is null)::int <> (
      select count(distinct i.id) from identifier i join identifier_key k on k.identifier_id = i.id
      where i.subject_id = s.id and i.valid_to is null)`,
  'a replaced person has no account': `
    select l.account_id, l.method from account_link l join subject s on s.id = l.subject_id
    where l.unlinked_at is null and s.disabled_at is not null`,
}

const all = Object.entries({ ...violations, ...violationsOfPersons })
  .map(
    ([name, text]) =>
      `select '${name.replaceAll("'", "''")}' as name, row_to_json(row_found) as found from (${text}) row_found`,
  )
  .join('\nunion all\n')

/** @returns the violated invariants, with the row and the audit events of its account */
export async function findViolations(db: Db, clientIds: readonly string[]): Promise<string[]> {
  const found = await db.transaction(async (tx) => {
    // Compiling the query takes PostgreSQL ten times as long as running it.
    await tx.query('set local jit = off')
    return tx.query<{ what: string; account: string | null }>(
      `select name || ': ' || found as what, found->>'account_id' as account from (${all}) violations`,
      [clientIds],
    )
  })
  const story = (account: string) =>
    db.query<{ event: string }>(
      `select concat_ws(' ', event, left(subject_id::text, 4), actor, detail - 'account') as event from audit_event
       where detail->>'account' = $1 order by id`,
      [account],
    )
  return Promise.all(
    found.map(async ({ what, account }) => {
      const events = account === null ? [] : await story(account)
      return [what, ...events.map(({ event }) => event)].join('\n    ')
    }),
  )
}

/** Creates indexes for tests that check often. */
export const indexForViolations = (db: Db): Promise<void> =>
  db.script(`
    create index on audit_event ((detail->>'link'));
    create index on audit_event ((detail->>'case'));
    create index on audit_event ((detail->>'account'));
    create index on link_change (link_id);
    create index on identifier_key (identifier_id);
    create index on identifier (subject_id)`)
