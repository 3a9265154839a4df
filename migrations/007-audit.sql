-- The audit: partitions by class and month (retention drops whole ones), and the seals over its rows.
-- The code of the release before goes on inserting without naming a class: `other`.

alter table audit_event rename to audit_event_before;
drop index audit_event_at, audit_event_subject, audit_event_reference, audit_event_refused,
  audit_event_refused_client;

create sequence audit_event_number;

create table audit_event (
  -- The transaction has an id of its own, and the lock on that, before the row has its number: so the sealer can tell
  -- when every row up to a number has been committed or never will be (store/audit-seals.ts).
  id         bigint not null default
    case when pg_current_xact_id() is not null then nextval('audit_event_number') end,
  at         timestamptz not null default now(),
  class      text not null default 'other',
  event      text not null,
  client_id  text,
  subject_id uuid,
  actor      text not null,
  reference  text,
  detail     jsonb not null default '{}',
  -- goes into the row's hash: what is left of a deleted row cannot be guessed back
  salt       uuid not null default gen_random_uuid()
) partition by range (class, at);
alter sequence audit_event_number owned by audit_event.id;

-- Out of the way of whoever lists the tables.
create schema audit_partition;
-- What no partition takes; housekeeping makes the partition and moves the rows.
create table audit_partition.other_months partition of audit_event default;

/* Makes the partition of a class and a month (UTC) unless it is there, with what the default partition holds of it. */
create function make_audit_partition(of_class text, of_month date) returns boolean language plpgsql as $$
declare
  name text := format('audit_partition.%I', of_class || to_char(of_month, '_YYYY_MM'));
  low timestamptz := of_month::timestamp at time zone 'UTC';
  high timestamptz := (of_month + interval '1 month') at time zone 'UTC';
begin
  if to_regclass(name) is not null then return false; end if;
  execute format('create table %s (like audit_event including defaults)', name);
  lock table audit_partition.other_months in access exclusive mode;
  execute format('with moved as (delete from audit_partition.other_months where class = %L and at >= %L and at < %L returning *)
    insert into %s select * from moved', of_class, low, high, name);
  execute format('alter table audit_event attach partition %s for values from (%L, %L) to (%L, %L)',
    name, of_class, low, of_class, high);
  return true;
end $$;

select make_audit_partition(class, (date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead))::date)
from unnest(array['login', 'person', 'link', 'portal', 'operator', 'key', 'audit']) class, generate_series(0, 1) ahead;

insert into audit_event (id, at, class, event, client_id, subject_id, actor, reference, detail)
select id, at,
  case split_part(event, '.', 1)
    when 'login' then 'login' when 'session' then 'login'
    when 'subject' then 'person'
    when 'link' then 'link' when 'account' then 'link' when 'review' then 'link' when 'proposal' then 'link'
    when 'import' then 'link'
    when 'client' then 'portal'
    when 'operator' then 'operator'
    when 'key' then 'key'
    else 'other' end,
  event, client_id, subject_id, actor, reference, detail
from audit_event_before order by id;
select setval('audit_event_number', max(id)) from audit_event_before having max(id) is not null;
drop table audit_event_before;

create index audit_event_id on audit_event (id);
create index audit_event_at on audit_event using brin (at);
create index audit_event_subject on audit_event (subject_id) where subject_id is not null;
create index audit_event_reference on audit_event (reference) where reference is not null;
create index audit_event_refused on audit_event (id) where event = 'link.refused';
create index audit_event_refused_client on audit_event (client_id, id) where event = 'link.refused';

-- Signs the seals; the private half is sealed under the key ring.
create table audit_key (
  kid        text primary key,
  alg        text not null,
  public     jsonb not null,
  sealed     bytea not null,
  created_at timestamptz not null default now()
);

-- A seal covers every row whose id lies above the last seal's and not above its own `last_id`.
create table audit_seal (
  number    bigint primary key,
  -- what is hashed, chained and signed, to the letter; the other columns repeat it, to be found by
  header    text not null,
  signature bytea not null,
  last_id   bigint not null,
  at        timestamptz not null
);
create index audit_seal_at on audit_seal (at);

-- The rows of one partition under one seal. Ids and hashes say which row was touched; retention takes them away
-- with the rows, and the root in the header stays.
create table audit_seal_part (
  number bigint not null references audit_seal,
  class  text not null,
  month  date not null,
  -- LEB128: the first id, then the steps from one to the next
  ids    bytea,
  -- SHA-256 each, in the order of the ids
  leaves bytea,
  primary key (number, class, month),
  check ((ids is null) = (leaves is null))
);
alter table audit_seal_part alter leaves set storage external;
create index audit_seal_part_partition on audit_seal_part (class, month);
