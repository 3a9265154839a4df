-- Imports of the portals' files of legacy accounts: one row for each run over one file. A run that a crash interrupted
-- stays in its state; importing the same file again gives the same result.

create table legacy_import (
  id         uuid primary key,
  client_id  text not null references client,
  dry_run    boolean not null,
  state      text not null default 'reading' check (state in ('reading', 'comparing', 'applying', 'done', 'failed')),
  begun_by   text not null,
  begun_at   timestamptz not null default now(),
  touched_at timestamptz not null default now(),
  rows_read  bigint not null default 0,
  rows_done  bigint not null default 0,
  -- counts by result and by class
  summary    jsonb not null default '{}',
  fault      text
);
create index legacy_import_client on legacy_import (client_id, begun_at);
