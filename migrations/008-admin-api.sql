-- Writes of the admin API under an Idempotency-Key: which request it was, and what it was answered.
create table idempotent_request (
  operator_id text not null,
  operation   text not null,
  -- SHA-256: callers choose their keys
  key_hash    bytea not null,
  -- of the attempt that holds the key; what it wrote stands in the audit under it
  reference   text not null,
  begun_at    timestamptz not null default now(),
  -- until then the attempt is taken to be alive; null: done
  held_until  timestamptz,
  -- a hash of the request; with the answer when done
  sealed      bytea not null,
  primary key (operator_id, operation, key_hash)
);
create index idempotent_request_begun on idempotent_request (begun_at);
