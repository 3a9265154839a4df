-- The calendar of signing keys and their history; which keys of the ring rows may need; re-sealing.

-- Published from created_at on; signs from here until the next of its algorithm does.
alter table signing_key add column sign_from timestamptz;
update signing_key set sign_from = created_at + interval '1 hour';
alter table signing_key
  alter column sign_from set not null,
  alter column sign_from set default now() + interval '1 hour';

-- Public halves only. What a retired key signed is still known as ours (id_token_hint); a revoked key proves nothing.
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

-- Under which keys of the ring something may lie: a node that lacks one does not start. Nodes say every few seconds
-- under which they write; a re-sealing takes away what nothing lies under any more.
create table ring_key_use (
  purpose text not null,
  key_id  bytea not null,
  seen_at timestamptz not null default now(),
  primary key (purpose, key_id)
);
insert into ring_key_use (purpose, key_id)
  select 'identifier', substring(sealed from 1 for 4) from identifier
  union select 'identifier', substring(sealed from 1 for 4) from proposal where sealed is not null
  union select 'legacy account', substring(sealed from 1 for 4) from legacy_account
  union select 'legacy account', substring(sealed from 1 for 4) from review_case where sealed is not null
  union select 'signing key', substring(sealed from 1 for 4) from signing_key;

-- One re-sealing. It goes on where it stopped, however it stopped, as long as the ring is the same.
create table reseal (
  id         uuid primary key default gen_random_uuid(),
  -- names the ring, not its keys
  ring       bytea not null,
  begun_by   text not null,
  begun_at   timestamptz not null default now(),
  touched_at timestamptz not null default now(),
  ended_at   timestamptz,
  -- the table it is at, and the last row done there
  step       text not null default '',
  last_row   text,
  rows_total bigint not null,
  rows_done  bigint not null default 0,
  rows_changed bigint not null default 0,
  -- passed by
  rows_unreadable bigint not null default 0,
  fault      text
);
create index reseal_begun on reseal (begun_at);
-- Which keys lead to a number: what a re-sealing writes and takes away.
create index identifier_key_identifier on identifier_key (identifier_id);
