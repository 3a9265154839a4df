-- Persons and the identification numbers they are known by.
-- A number is stored encrypted only (bytea, AES-256-GCM) and looked up by its keyed hash (HMAC-SHA-256).

create table subject (
  id          uuid primary key,
  kind        text not null check (kind in ('citizen', 'foreigner', 'organisation')),
  created_at  timestamptz not null default now(),
  disabled_at timestamptz,
  -- The same person was known under two subjects, one for a cancelled number and one for its successor: this is
  -- the older subject, which stays in use.
  replaced_by uuid references subject
);

-- Every number a subject was known by. One is active: its valid_to is null.
create table identifier (
  id         uuid primary key,
  subject_id uuid not null references subject,
  type       text not null,
  sealed     bytea not null,
  valid_from timestamptz not null default now(),
  valid_to   timestamptz
);
create unique index identifier_active on identifier (subject_id) where valid_to is null;

-- One row for each number and index key. A cancelled number keeps its rows: it is never given to another
-- person (Decree 70/2024 art. 11), so it must never create a second subject.
create table identifier_key (
  type          text not null,
  key           bytea not null,
  identifier_id uuid not null references identifier,
  primary key (type, key)
);
-- Re-sealing writes and deletes the keys of one number.
create index identifier_key_identifier on identifier_key (identifier_id);
