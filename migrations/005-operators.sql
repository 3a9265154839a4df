-- Operators of the admin API: roles, approvals by a second person, repeated requests. An operator is a machine,
-- identified by a key, or a person, identified by the keyed hash of the identification number.

create table operator (
  -- The actor of audit events is an operator's id or one of these words, so an id must not be one of them.
  id              text primary key check (id ~ '^[a-z0-9._-]{3,64}$'
    and id not in ('citizen', 'system', 'local', 'operator', 'portal', 'sandbox')),
  -- A machine may ask for an approval but never approve. Only a person has a number.
  kind            text not null default 'machine' check (kind in ('machine', 'person')),
  roles           text[] not null check (cardinality(roles) > 0
    and roles <@ array['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer']),
  -- The public key as a JWK; the private key is never stored here. A person may have none.
  public          jsonb,
  key_changed_at  timestamptz,
  -- Who set the current key, and therefore had access to the private key.
  key_changed_by  text,
  -- Has or had the role security_officer. One person may act alone only until a second such person has existed.
  was_officer     boolean not null default false,
  created_at      timestamptz not null default now(),
  created_by      text not null,
  disabled_at     timestamptz,
  disabled_by     text,
  disabled_reason text,
  -- when it was last enabled after being disabled
  enabled_at      timestamptz,
  last_seen_at    timestamptz,
  check ((disabled_at is null) = (disabled_by is null) and (disabled_at is null) = (disabled_reason is null)),
  check (kind = 'person' or public is not null)
);
-- Two operators with the same key would count as two persons.
create unique index operator_public on operator (public);

-- This primary key allows one operator per person, enabled or disabled.
create table operator_citizen_key (
  type        text not null,
  key         bytea not null,
  operator_id text not null references operator,
  primary key (type, key)
);
create index operator_citizen_key_operator on operator_citizen_key (operator_id);

-- The changes of operators. The reason is free text, so it is not recorded in the audit.
create table operator_change (
  id          bigint generated always as identity primary key,
  operator_id text not null references operator,
  at          timestamptz not null default now(),
  actor       text not null,
  -- If two persons were needed: the one who asked; `actor` approved.
  asked_by    text,
  action      text not null,
  reason      text,
  -- the roles after the change, if it changed them
  roles       text[]
);
create index operator_change_operator on operator_change (operator_id, id);

-- Requests of operators that a second person must approve.
create table approval (
  id         uuid primary key,
  -- as src/approvals/kind.ts names it: `operator.create`, `account.link`
  kind       text not null,
  -- what was asked for; deleted with the outcome
  sealed     bytea,
  -- the case that it answers
  case_id    uuid references review_case,
  -- the person whose number it changes
  subject_id uuid references subject,
  -- The asker's free text about a case or a person; part of the case's history.
  reason     text,
  evidence   text,
  asked_by   text not null references operator,
  -- If a machine asked: the operators who had created it or set its key, who must not approve.
  barred     text[] not null default '{}',
  asked_at   timestamptz not null default now(),
  -- null: does not expire
  expires_at timestamptz,
  outcome    text check (outcome in ('approved', 'declined', 'withdrawn', 'expired')),
  ended_by   text,
  ended_at   timestamptz,
  check ((outcome is null) = (ended_at is null) and (outcome is null) = (ended_by is null)),
  check ((outcome is null) = (sealed is not null)),
  check (outcome is distinct from 'approved' or (ended_by <> asked_by and ended_by <> all (barred))),
  check (outcome is distinct from 'withdrawn' or ended_by = asked_by)
);
create index approval_open on approval (asked_at, id) where outcome is null;
create index approval_case on approval (case_id) where case_id is not null;
create unique index approval_one_of_case on approval (case_id) where outcome is null;
create unique index approval_one_of_person on approval (subject_id) where outcome is null;

-- Confirmed access reviews.
create table operator_review (
  id           bigint generated always as identity primary key,
  -- the report covered everything up to this time
  read_at      timestamptz not null,
  confirmed_at timestamptz not null default now(),
  confirmed_by text not null
);

-- Writes through the admin API with an Idempotency-Key: the request and its answer.
create table idempotent_request (
  operator_id text not null,
  operation   text not null,
  -- SHA-256: callers choose their keys
  key_hash    bytea not null,
  -- of the attempt that holds the key; the audit has its events under this reference
  reference   text not null,
  begun_at    timestamptz not null default now(),
  -- The attempt counts as running until then; null: it has ended.
  held_until  timestamptz,
  -- a hash of the request; after the end also the answer
  sealed      bytea not null,
  primary key (operator_id, operation, key_hash)
);
create index idempotent_request_begun on idempotent_request (begun_at);
