-- Operators are machines, known by a key, or persons, known by the keyed hash of their identification number.
-- Who is not known to be a person stays a machine: it may propose, and never approve.

-- a person may have no key
alter table operator alter column public drop not null;
alter table operator
  add column kind           text not null default 'machine' check (kind in ('machine', 'person')),
  -- when it was last let in again
  add column enabled_at     timestamptz,
  add column key_changed_at timestamptz,
  -- who made the last key, and so has held it
  add column key_changed_by text,
  -- has had the role, whatever became of it: how many there were says whether one person may decide alone
  add column was_officer    boolean not null default false,
  add check (kind = 'person' or public is not null);

-- One person, one operator, enabled or not: decided here and nowhere else.
create table operator_citizen_key (
  type        text not null,
  key         bytea not null,
  operator_id text not null references operator,
  primary key (type, key)
);
create index operator_citizen_key_operator on operator_citizen_key (operator_id);

-- What was done to an operator, and why; the reason is a person's own words, and so in no audit row.
create table operator_change (
  id          bigint generated always as identity primary key,
  operator_id text not null references operator,
  at          timestamptz not null default now(),
  actor       text not null,
  -- of two persons, who asked
  proposed_by text,
  action      text not null,
  reason      text,
  -- from then on, where they are other ones
  roles       text[]
);
create index operator_change_operator on operator_change (operator_id, id);

-- What was done before there was a history.
insert into operator_change (operator_id, at, actor, action, roles)
  select id, created_at, created_by, 'created', roles from operator;
insert into operator_change (operator_id, at, actor, action, reason)
  select id, disabled_at, disabled_by, 'disabled', disabled_reason from operator where disabled_at is not null;

-- What one operator asked of the API and another person must approve.
create table decision (
  id          uuid primary key,
  -- as the API's table names it: `POST /v1/operators`
  operation   text not null,
  -- what was sent; gone with the outcome
  sealed      bytea,
  proposed_by text not null references operator,
  -- of a machine: who had made it and its key by then, and so approves nothing of this
  barred      text[] not null default '{}',
  proposed_at timestamptz not null default now(),
  expires_at  timestamptz not null,
  outcome     text check (outcome in ('approved', 'declined', 'withdrawn', 'expired')),
  decided_by  text,
  decided_at  timestamptz,
  check ((outcome is null) = (decided_at is null) and (outcome is null) = (decided_by is null)),
  check ((outcome is null) = (sealed is not null)),
  check (outcome is distinct from 'approved' or decided_by <> proposed_by)
);
create index decision_open on decision (proposed_at, id) where outcome is null;

-- As in `decision`.
alter table proposal add column barred text[] not null default '{}';

-- That somebody went through who may do what.
create table operator_review (
  id           bigint generated always as identity primary key,
  -- up to when the report told
  read_at      timestamptz not null,
  confirmed_at timestamptz not null default now(),
  confirmed_by text not null
);

-- What operators did, among all that citizens do.
create index audit_event_operator on audit_event (actor, at)
  where actor not in ('citizen', 'portal', 'system', 'local', 'sandbox');
