-- The signing keys with their calendar and history; the use of the key ring's keys; re-sealing runs.

-- A key is published from created_at on, and signs from sign_from until the next key of its algorithm does.
create table signing_key (
  kid        text primary key,
  alg        text not null,
  public     jsonb not null,
  sealed     bytea not null,
  created_at timestamptz not null default now(),
  sign_from  timestamptz not null
);

-- Public keys only. A signature of a retired key is still recognised as ours (id_token_hint); a signature of a revoked
-- key is not accepted.
create table signing_key_history (
  kid           text primary key,
  alg           text not null,
  public        jsonb not null,
  published_at  timestamptz not null,
  sign_from     timestamptz not null,
  ended_at      timestamptz not null default now(),
  revoked_at    timestamptz,
  revoked_by    text,
  revoke_reason text,
  check ((revoked_at is null) = (revoked_by is null) and (revoked_at is null) = (revoke_reason is null))
);

-- The keys of the ring that rows may be encrypted under: a node that lacks one of them does not start. Nodes write every
-- few seconds which keys they use; a re-sealing deletes those that no row needs.
create table ring_key_use (
  purpose text not null,
  key_id  bytea not null,
  seen_at timestamptz not null default now(),
  primary key (purpose, key_id)
);

-- One re-sealing. After an interruption it continues where it stopped, as long as the ring is the same.
create table reseal (
  id              uuid primary key default gen_random_uuid(),
  -- identifies the ring without revealing its keys
  ring            bytea not null,
  begun_by        text not null,
  begun_at        timestamptz not null default now(),
  touched_at      timestamptz not null default now(),
  ended_at        timestamptz,
  -- the current table, and the last row done in it
  step            text not null default '',
  last_row        text,
  rows_total      bigint not null,
  rows_done       bigint not null default 0,
  rows_changed    bigint not null default 0,
  -- skipped
  rows_unreadable bigint not null default 0,
  fault           text
);
create index reseal_begun on reseal (begun_at);
