-- Secrets of portals, at most two live at a time; what ends with a suspension; portals that go over into another.

create table client_secret (
  id         uuid primary key default gen_random_uuid(),
  client_id  text not null references client on delete cascade,
  -- SHA-256 of a long random secret
  hash       bytea not null,
  -- one of two places; null: it serves no more
  slot       smallint check (slot in (1, 2)),
  created_at timestamptz not null default now(),
  -- null: it came with the portal's definition
  created_by text,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  -- null: another definition took its place
  revoked_by text,
  -- the day (Vietnam's) on which the log last told that it ends soon
  warned_on  date,
  unique (client_id, hash),
  check (slot is null or revoked_at is null),
  check (revoked_by is null or revoked_at is not null)
);
-- Two live secrets, whoever asks at the same moment: decided here and nowhere else.
create unique index client_secret_slot on client_secret (client_id, slot) where slot is not null;

-- client.secret_hash is the newest secret: the release before reads and writes nothing else. Who writes another one
-- there, writes a definition: that secret then is the only one.
create function follow_client_secret() returns trigger language plpgsql as $$
declare known client_secret;
begin
  if tg_op = 'UPDATE' and new.secret_hash is not distinct from old.secret_hash then return null; end if;
  select * into known from client_secret where client_id = new.id and hash = new.secret_hash;
  if known.slot is not null then return null; end if;
  if known.revoked_by is not null or known.expires_at <= now() then
    raise exception 'client %: the client_secret of the definition was revoked or has expired; take it out of the definition', new.id;
  end if;
  update client_secret set slot = null, revoked_at = now() where client_id = new.id and slot is not null;
  if new.secret_hash is not null then
    insert into client_secret (client_id, hash, slot, expires_at)
    values (new.id, new.secret_hash, 1, now() + interval '1 year')
    on conflict (client_id, hash) do update
      set slot = 1, revoked_at = null, warned_on = null, expires_at = excluded.expires_at;
  end if;
  return null;
end $$;
create trigger follow_client_secret after insert or update of secret_hash on client
  for each row execute function follow_client_secret();

-- From today, for nobody knows how old they are.
insert into client_secret (client_id, hash, slot, expires_at)
  select id, secret_hash, 1, now() + interval '1 year' from client where secret_hash is not null;

-- What was issued before a portal is let in again stays void, also what a node issued that had not heard of the
-- suspension yet. Times of issue are whole seconds: the portal is let in when the next one begins.
create function begin_anew() returns trigger language plpgsql as $$ begin
  new.not_before := date_trunc('second', clock_timestamp()) + interval '1 second';
  return new;
end $$;
create trigger begin_anew before update of state on client
  for each row when (old.state = 'suspended' and new.state = 'active') execute function begin_anew();

-- A portal goes over into another. Nothing is moved: while the row stands, the new portal has the old one's
-- accounts, links and identifiers beside its own.
create table client_rehome (
  id           bigint generated always as identity primary key,
  old_client   text not null references client,
  new_client   text not null references client,
  -- the old portal's last day, Vietnam's
  until        date not null,
  -- what a person's sub is at the new portal: the one of the old portal, or the new one's own
  subs         text not null check (subs in ('old', 'own')),
  -- the old portal's sector (OIDC Core §8.1) when this began; null: its subs are public; empty: it has none
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
-- When the portal first had a person of its own, not one who came by another portal's sub: written once in a while, never
-- by the login itself. Older portals: as the audit tells; one that is older than the audit counts as one that had.
alter table client add column first_person_at timestamptz;
update client c set first_person_at = coalesce(
  (select min(at) from audit_event e where e.event = 'login.completed' and e.client_id = c.id),
  (select c.created_at where c.created_at < (select min(at) from audit_event)));
create unique index client_rehome_old on client_rehome (old_client) where undone_at is null;
create index client_rehome_new on client_rehome (new_client) where undone_at is null;
