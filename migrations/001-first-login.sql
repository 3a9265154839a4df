-- The registry of portals, the persons, the keys and the audit.
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
  disabled_at timestamptz,
  -- the person was known here twice, under a cancelled number and its successor; the older subject goes on
  replaced_by uuid references subject
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
