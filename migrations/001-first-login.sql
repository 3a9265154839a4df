-- The registry of portals, the persons, their links to legacy accounts, the keys and the audit.
-- Numbers are stored sealed (bytea, AES-256-GCM) and found by keyed hash (HMAC-SHA-256) only.

create table client (
  id          text primary key,
  metadata    jsonb not null,
  -- SHA-256 of the client secret, which is random and long; null for clients without one
  secret_hash bytea,
  version     integer not null default 1,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);

create table signing_key (
  kid        text primary key,
  alg        text not null,
  public     jsonb not null,
  sealed     bytea not null,
  created_at timestamptz not null default now()
);

create table subject (
  id          uuid primary key,
  kind        text not null check (kind in ('citizen', 'foreigner', 'organisation')),
  created_at  timestamptz not null default now(),
  disabled_at timestamptz
);

-- History of the numbers a subject was known by; one is active (valid_to is null).
create table identifier (
  id         uuid primary key,
  subject_id uuid not null references subject,
  type       text not null,
  sealed     bytea not null,
  valid_from timestamptz not null default now(),
  valid_to   timestamptz
);
create unique index identifier_active on identifier (subject_id) where valid_to is null;

-- One row per number and index key. A cancelled number keeps its rows: it is never given to another
-- person (Decree 70/2024 art. 11), so it must never make a second subject.
create table identifier_key (
  type          text not null,
  key           bytea not null,
  identifier_id uuid not null references identifier,
  primary key (type, key)
);

create table legacy_account (
  client_id       text not null references client,
  account_id      text not null,
  kind            text not null check (kind in ('citizen', 'foreigner', 'organisation', 'staff')),
  state           text not null default 'open' check (state in ('open', 'linked', 'in_review', 'exempt', 'retired')),
  identifier_type text,
  identifier_key  bytea,
  identifier      bytea,
  -- when the number was compared with the population database; null: never
  attested_at     timestamptz,
  created_at      timestamptz not null default now(),
  primary key (client_id, account_id)
);
create index legacy_account_identifier on legacy_account (client_id, identifier_key) where identifier_key is not null;

create table account_link (
  id            uuid primary key default gen_random_uuid(),
  client_id     text not null,
  account_id    text not null,
  subject_id    uuid not null references subject,
  method        text not null,
  evidence      jsonb not null,
  linked_by     text not null,
  linked_at     timestamptz not null default now(),
  unlinked_at   timestamptz,
  unlink_reason text,
  foreign key (client_id, account_id) references legacy_account,
  check ((unlinked_at is null) = (unlink_reason is null))
);
-- One account, at most one active citizen: decided here and nowhere else.
create unique index account_link_active on account_link (client_id, account_id) where unlinked_at is null;
create index account_link_subject on account_link (subject_id, client_id) where unlinked_at is null;

create table audit_event (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  event      text not null,
  client_id  text,
  subject_id uuid,
  actor      text not null,
  reference  text,
  detail     jsonb not null default '{}'
);
create index audit_event_at on audit_event (at);
create index audit_event_subject on audit_event (subject_id) where subject_id is not null;
create index audit_event_reference on audit_event (reference) where reference is not null;
