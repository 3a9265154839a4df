-- The life of a portal in the registry, and who did what to it.

alter table client
  add column state text not null default 'active' check (state in ('draft', 'active', 'suspended', 'retired')),
  add column state_at timestamptz not null default now(),
  -- what was issued to the portal before this is refused: it has been suspended since
  add column not_before timestamptz;

-- Every change, the newest state of the definition with it; never updated.
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

-- What was registered before there was a history.
insert into client_change (client_id, at, actor, action, version, metadata)
  select id, created_at, 'local', 'created', version, metadata from client;
