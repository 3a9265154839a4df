/** SQL that judges rows of known accounts, shared by the dry run and the real run. */

/**
 * CTEs: the rows of a batch joined with their accounts (`beside`), and the result (`judged`). $1 client, $2 after line,
 * $3–$6 bits. The limit is a literal and the joins are lateral; otherwise the planner does not know that a batch is
 * small and scans the whole table for each.
 */
export const batchOf = (rows: number) =>
  `select * from import_pending where line > $2::bigint order by line limit ${rows}`
export const judged = (rows: number) => `
  r as materialized (${batchOf(rows)}),
  beside as materialized (
    select r.*, d.line is not null as is_duplicate, c.subject_id as cancelled_subject,
      r.classes
        | case when d.line is not null then $3::int else 0 end
        | case when s.key is not null then $4::int else 0 end
        | case when c.subject_id is not null then $5::int else 0 end as found,
      a.id, a.state as was_state, a.kind as was_kind, a.identifier_key as was_key, a.digest as was_digest,
      a.classes as was_classes, l.subject_id as holder,
      a.id is not null and r.identifier_keys is not null and (
        a.identifier_key is not null and not a.identifier_key = any(r.identifier_keys)
        or a.identifier_key is null and l.subject_id is not null and not exists (
          select from identifier_key k join identifier i on i.id = k.identifier_id
          where i.subject_id = l.subject_id and k.key = any(r.identifier_keys))) as number_changed,
      d.line is null and a.identifier_key is not null and r.identifier_keys is null as takes_number_away,
      l.subject_id is not null and a.kind <> r.kind as kind_changed
    from r
      left join lateral (select line from import_duplicate d where d.line = r.line limit 1) d on true
      left join lateral (select key from import_several s where s.key = r.identifier_keys[1] limit 1) s on true
      left join lateral (
        select i.subject_id from identifier_key k join identifier i on i.id = k.identifier_id
        where k.type = r.identifier_type and k.key = any(r.identifier_keys) and i.valid_to is not null limit 1) c on true
      left join lateral (select id, state, kind, identifier_key, digest, classes from legacy_account a
        where a.client_id = $1 and a.account_key = r.account_key limit 1) a on true
      left join lateral (select subject_id from account_link l
        where l.account_id = a.id and l.unlinked_at is null limit 1) l on true),
  judged as materialized (
    select *,
      case when is_duplicate then 'refused'
        when was_digest = any(digests) and was_classes & ~$6::int = found
          and not (was_state = 'open' and kind = 'staff') then 'unchanged'
        when number_changed or kind_changed or takes_number_away then 'refused'
        else 'changed' end as result,
      not is_duplicate and id is not null and (number_changed or kind_changed) as is_conflict
    from beside)`
/** The last part of the statement: stores the results for the report. */
export const keepResults = `
  insert into import_result (line, result, classes, detail)
  select line, result,
    found | case when is_conflict and number_changed or takes_number_away then $6::int else 0 end,
    case when is_duplicate then 'account_id: appears on an earlier line; remove one'
      when is_conflict and number_changed then 'the account already has another number; an operator decides'
      when is_conflict then 'kind: the account is already linked as another kind; an operator decides'
      when takes_number_away then 'the account has a number, which an import cannot remove'
      else note end
  from judged returning line::float8 as line`
