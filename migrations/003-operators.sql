-- Who may use the admin API: people and machines, each with a key of their own and the roles they need.

create table operator (
  -- stands beside these words as the actor of audit events, so it is none of them
  id              text primary key check (id ~ '^[a-z0-9._-]{3,64}$'
    and id not in ('citizen', 'system', 'local', 'operator', 'portal', 'sandbox')),
  roles           text[] not null check (cardinality(roles) > 0
    and roles <@ array['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer']),
  -- JWK; the private half never comes here
  public          jsonb not null,
  created_at      timestamptz not null default now(),
  created_by      text not null,
  disabled_at     timestamptz,
  disabled_by     text,
  disabled_reason text,
  last_seen_at    timestamptz,
  check ((disabled_at is null) = (disabled_by is null) and (disabled_at is null) = (disabled_reason is null))
);
-- Where two persons must decide, one key under two names would be both.
create unique index operator_public on operator (public);
