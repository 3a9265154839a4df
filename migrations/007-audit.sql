-- The audit: partitions by class and month (retention deletes whole ones), and the checkpoints over its rows.

create sequence audit_event_number;

create table audit_event (
  -- The transaction gets its own id, and the lock on that id, before the row gets its number. So the checkpointer can tell
  -- when every row up to a number is committed or never will be (src/store/audit-checkpoints.ts).
  id         bigint not null default
    case when pg_current_xact_id() is not null then nextval('audit_event_number') end,
  at         timestamptz not null default now(),
  class      text not null,
  event      text not null,
  client_id  text,
  subject_id uuid,
  actor      text not null,
  reference  text,
  detail     jsonb not null default '{}',
  -- Part of the row's hash, so that a deleted row cannot be guessed from its hash.
  salt       uuid not null default gen_random_uuid()
) partition by range (class, at);
alter sequence audit_event_number owned by audit_event.id;
create index audit_event_id on audit_event (id);
create index audit_event_at on audit_event using brin (at);
create index audit_event_subject on audit_event (subject_id) where subject_id is not null;
create index audit_event_reference on audit_event (reference) where reference is not null;
-- Which people were refused a link: everywhere, and at one portal.
create index audit_event_refused on audit_event (id) where event = 'link.refused';
create index audit_event_refused_client on audit_event (client_id, id) where event = 'link.refused';
-- The events of operators, among all those of citizens.
create index audit_event_operator on audit_event (actor, at)
  where actor not in ('citizen', 'portal', 'system', 'local', 'sandbox');

-- A schema of its own keeps the partitions out of listings of the tables.
create schema audit_partition;
-- The default partition takes rows that have no partition yet; housekeeping makes one and moves them.
create table audit_partition.other_months partition of audit_event default;

/* Makes the partition of a class and a month (UTC) if it is missing, and moves its rows out of the default partition. */
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

-- The keys that sign the checkpoints; the private key is encrypted under the key ring.
create table audit_key (
  kid        text primary key,
  alg        text not null,
  public     jsonb not null,
  sealed     bytea not null,
  created_at timestamptz not null default now()
);

-- A checkpoint covers every row whose id is above the `last_id` of the checkpoint before it and not above its own `last_id`.
create table audit_checkpoint (
  number    bigint primary key,
  -- exactly the text that is hashed, chained and signed; the other columns repeat parts of it for queries
  header    text not null,
  signature bytea not null,
  last_id   bigint not null,
  at        timestamptz not null
);
create index audit_checkpoint_at on audit_checkpoint (at);

-- The rows of one partition under one checkpoint. Ids and hashes show which row was tampered with; retention deletes them
-- with the rows, and the root in the header stays.
create table audit_checkpoint_part (
  number bigint not null references audit_checkpoint,
  class  text not null,
  month  date not null,
  -- LEB128: the first id, then the difference of each id to the one before
  ids    bytea,
  -- a SHA-256 for each row, in the order of the ids
  leaves bytea,
  primary key (number, class, month),
  check ((ids is null) = (leaves is null))
);
alter table audit_checkpoint_part alter leaves set storage external;
create index audit_checkpoint_part_partition on audit_checkpoint_part (class, month);
