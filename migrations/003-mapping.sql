-- Legacy accounts, their links to subjects, the cases for an operator, the feed that portals read, and the counts.
-- Numbers, names, birth dates and the portals' account ids are stored in `sealed` only and looked up by keyed hashes.

create table legacy_account (
  id              bigint generated always as identity primary key,
  client_id       text not null references client,
  account_key     bytea not null,
  kind            text not null check (kind in ('citizen', 'foreigner', 'organisation', 'staff')),
  -- the states of src/mapping/states.ts
  state           text not null check (state in ('open', 'linked', 'in_review', 'exempt', 'retired')),
  identifier_type text,
  identifier_key  bytea,
  -- keyed hash of a CMND: only for an operator's search, never for a link
  hint_key        bytea,
  -- the day the number was compared with the population database; null: never
  attested_on     date,
  created_by      text not null default 'self' check (created_by in ('self', 'officer', 'other')),
  last_used_on    date,
  province        text not null default '',
  -- bit n is the n-th class of src/mapping/classes.ts
  classes         integer not null default 0,
  sealed          bytea not null,
  -- keyed hash of the content: a write checks that the row is still the one the rules decided on
  digest          bytea not null,
  imported_at     timestamptz not null default now(),
  unique (client_id, account_key),
  check ((identifier_type is null) = (identifier_key is null)),
  check (attested_on is null or identifier_key is not null)
);
create index legacy_account_identifier on legacy_account (identifier_key, client_id) where identifier_key is not null;
create index legacy_account_hint on legacy_account (hint_key, client_id) where hint_key is not null;

create table account_link (
  id            uuid primary key default gen_random_uuid(),
  account_id    bigint not null references legacy_account,
  client_id     text not null,
  subject_id    uuid not null references subject,
  method        text not null check (method in ('attested_number', 'matching_person', 'portal_word', 'operators')),
  evidence      jsonb not null,
  linked_by     text not null,
  linked_at     timestamptz not null default now(),
  is_primary    boolean not null default false,
  unlinked_at   timestamptz,
  unlinked_by   text,
  unlink_reason text,
  check ((unlinked_at is null) = (unlink_reason is null) and (unlinked_at is null) = (unlinked_by is null))
);
-- This index allows at most one active link per account.
create unique index account_link_active on account_link (account_id) where unlinked_at is null;
-- A person has at most one primary account at a portal.
create unique index account_link_primary on account_link (subject_id, client_id) where unlinked_at is null and is_primary;
create index account_link_subject on account_link (subject_id, client_id) where unlinked_at is null;
create index account_link_history on account_link (account_id);

-- The feed of link changes that a portal reads. A row gets its position when it is first read, under a lock for the
-- portal: a transaction that commits late gets a late position, so that no reader misses it.
create table link_change (
  id         bigint generated always as identity primary key,
  client_id  text not null,
  position   bigint,
  account_id bigint not null references legacy_account,
  link_id    uuid not null references account_link,
  change     text not null check (change in ('linked', 'unlinked', 'primary', 'not_primary')),
  at         timestamptz not null default now(),
  unique (client_id, position)
);
create index link_change_new on link_change (client_id, id) where position is null;

-- A question for an operator: does this account belong to this subject?
create table review_case (
  id         uuid primary key default gen_random_uuid(),
  account_id bigint not null references legacy_account,
  client_id  text not null,
  reason     text not null check (reason in ('not_attested', 'kind_differs', 'number_differs', 'number_changed',
    'kind_changed', 'number_cancelled', 'held_by_another', 'late_comer', 'unlinked', 'by_hand')),
  subject_id uuid references subject,
  -- the other side as it was received (from VNeID, or from the changed row); deleted when the case is decided
  sealed     bytea,
  opened_at  timestamptz not null default now(),
  opened_by  text not null,
  -- why an operator asked, or asked again
  opened_reason text,
  reference  text,
  outcome    text check (outcome in ('linked', 'dismissed', 'accepted', 'retired')),
  decided_at timestamptz,
  decided_by text,
  decision_reason text,
  check ((outcome is null) = (decided_at is null) and (outcome is null) = (decided_by is null)),
  check (outcome is null or sealed is null)
);
create unique index review_case_open on review_case
  (account_id, reason, coalesce(subject_id, '00000000-0000-0000-0000-000000000000')) where outcome is null;
create index review_case_client on review_case (client_id, opened_at, id) where outcome is null;
create index review_case_account on review_case (account_id);

-- The numbers of accounts and active links. Triggers maintain them, so that they are exact for every writer and no query
-- counts rows. Changes are appended without a lock and added to the totals by housekeeping; the count is the sum of both.
create table mapping_change (
  client_id text not null,
  province  text not null,
  day       date not null,
  kind      text not null,
  state     text not null,
  classes   integer not null,
  method    text not null,
  n         bigint not null
);
create table mapping_count (
  client_id text not null,
  province  text not null,
  day       date not null,
  kind      text not null,
  -- accounts have a state and classes, active links a method
  state     text not null default '',
  classes   integer not null default 0,
  method    text not null default '',
  n         bigint not null,
  primary key (client_id, province, day, kind, state, classes, method)
);
create view mapping_total as
  select client_id, province, day, kind, state, classes, method, sum(n)::bigint as n
  from (select * from mapping_count union all select * from mapping_change) both_of
  group by client_id, province, day, kind, state, classes, method;

-- Legal dates are days in Vietnam.
create function vietnam_date() returns date language sql stable as
  $$ select ((now() at time zone 'utc') + interval '7 hours')::date $$;

create function count_new_accounts() returns trigger language plpgsql as $$ begin
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select client_id, province, vietnam_date(), kind, state, classes, '', count(*)
  from new_rows group by client_id, province, kind, state, classes;
  return null;
end $$;
create trigger count_new_accounts after insert on legacy_account
  referencing new table as new_rows for each statement execute function count_new_accounts();

create function count_changed_accounts() returns trigger language plpgsql as $$ begin
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select client_id, province, vietnam_date(), kind, state, classes, '', sum(n)
  from (select client_id, province, kind, state, classes, 1 as n from new_rows
        union all select client_id, province, kind, state, classes, -1 from old_rows) both_of
  group by client_id, province, kind, state, classes having sum(n) <> 0;
  -- When an account changes its province or kind, the count of its link moves too.
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select n.client_id, side.province, vietnam_date(), side.kind, '', 0, l.method, side.n
  from new_rows n join old_rows o on o.id = n.id and (o.province, o.kind) <> (n.province, n.kind)
    join account_link l on l.account_id = n.id and l.unlinked_at is null,
    lateral (values (n.province, n.kind, 1), (o.province, o.kind, -1)) as side(province, kind, n);
  return null;
end $$;
create trigger count_changed_accounts after update on legacy_account
  referencing old table as old_rows new table as new_rows for each statement execute function count_changed_accounts();

create function follow_new_links() returns trigger language plpgsql as $$ begin
  insert into link_change (client_id, account_id, link_id, change)
  select client_id, account_id, id, 'linked' from new_rows order by id;
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select l.client_id, a.province, vietnam_date(), a.kind, '', 0, l.method, count(*)
  from new_rows l join legacy_account a on a.id = l.account_id group by l.client_id, a.province, a.kind, l.method;
  return null;
end $$;
create trigger follow_new_links after insert on account_link
  referencing new table as new_rows for each statement execute function follow_new_links();

create function follow_changed_links() returns trigger language plpgsql as $$ begin
  insert into link_change (client_id, account_id, link_id, change)
  select n.client_id, n.account_id, n.id,
    case when n.unlinked_at is not null then 'unlinked' when n.is_primary then 'primary' else 'not_primary' end
  from new_rows n join old_rows o on o.id = n.id
  where n.unlinked_at is distinct from o.unlinked_at
     or (n.unlinked_at is null and n.is_primary <> o.is_primary)
  order by n.is_primary, n.id;
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select n.client_id, a.province, vietnam_date(), a.kind, '', 0, n.method, -count(*)
  from new_rows n join old_rows o on o.id = n.id join legacy_account a on a.id = n.account_id
  where n.unlinked_at is not null and o.unlinked_at is null group by n.client_id, a.province, a.kind, n.method;
  return null;
end $$;
create trigger follow_changed_links after update on account_link
  referencing old table as old_rows new table as new_rows for each statement execute function follow_changed_links();
