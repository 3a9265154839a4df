-- The registered portals: definitions, history, secrets, and re-homing of a portal into another.

create table client (
  id              text primary key,
  state           text not null check (state in ('draft', 'active', 'suspended', 'retired')),
  state_at        timestamptz not null default now(),
  -- Everything issued to the portal before this instant is refused: it was suspended since.
  not_before      timestamptz,
  metadata        jsonb not null,
  -- When a person first signed in with a sub of the portal's own sector. The figures write it, never a login.
  first_person_at timestamptz,
  version         integer not null default 1,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);

-- Everything issued before a suspended portal is activated again stays refused, including what a node issued before
-- it had read of the suspension. Times of issue are whole seconds, so the portal is in service from the next second on.
create function begin_anew() returns trigger language plpgsql as $$ begin
  new.not_before := date_trunc('second', clock_timestamp()) + interval '1 second';
  return new;
end $$;
create trigger begin_anew before update of state on client
  for each row when (old.state = 'suspended' and new.state = 'active') execute function begin_anew();

-- Every change of a portal, with the definition after it. Rows are never updated.
create table client_change (
  id        bigint generated always as identity primary key,
  client_id text not null references client,
  at        timestamptz not null default now(),
  actor     text not null,
  action    text not null,
  reason    text,
  version   integer not null,
  metadata  jsonb not null
);
create index client_change_client on client_change (client_id, id);

create table client_secret (
  id         uuid primary key default gen_random_uuid(),
  client_id  text not null references client on delete cascade,
  -- SHA-256 of a long random secret
  hash       bytea not null,
  -- An active secret has one of two slots; null: it has ended.
  slot       smallint check (slot in (1, 2)),
  created_at timestamptz not null default now(),
  -- null: created when a definition was applied
  created_by text,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  -- null: an applied definition replaced it
  revoked_by text,
  -- The last day (Vietnam's) on which the log warned that it expires soon.
  warned_on  date,
  unique (client_id, hash),
  check (slot is null or revoked_at is null),
  check (revoked_by is null or revoked_at is not null)
);
-- This index allows at most two active secrets, also under concurrent requests.
create unique index client_secret_slot on client_secret (client_id, slot) where slot is not null;

-- A portal is re-homed into another. No row is moved: while this row is in effect, the new portal uses the accounts, links
-- and identifiers of the old one in addition to its own.
create table client_rehome (
  id           bigint generated always as identity primary key,
  old_client   text not null references client,
  new_client   text not null references client,
  -- The last day of the old portal (Vietnam's).
  until        date not null,
  -- Which sub a person has at the new portal: the old portal's, or the new portal's own.
  subs         text not null check (subs in ('old', 'own')),
  -- The sector (OIDC Core §8.1) of the old portal at the beginning; null: its subs are public; empty: it has none.
  sector       text,
  reason       text not null,
  begun_by     text not null,
  begun_at     timestamptz not null default now(),
  undone_by    text,
  undone_at    timestamptz,
  completed_at timestamptz,
  check (old_client <> new_client),
  check ((undone_at is null) = (undone_by is null)),
  check (undone_at is null or completed_at is null)
);
create unique index client_rehome_old on client_rehome (old_client) where undone_at is null;
create index client_rehome_new on client_rehome (new_client) where undone_at is null;
