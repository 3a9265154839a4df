-- The schema after all migrations, to be read and reviewed; no database is made from it.
-- Written by `npm run schema`: do not edit. The comments are in the migrations.

create table account_link (
  id uuid default gen_random_uuid() not null,
  account_id bigint not null,
  client_id text not null,
  subject_id uuid not null,
  method text not null,
  evidence jsonb not null,
  linked_by text not null,
  linked_at timestamp with time zone default now() not null,
  is_primary boolean default false not null,
  unlinked_at timestamp with time zone,
  unlinked_by text,
  unlink_reason text,
  constraint account_link_pkey PRIMARY KEY (id),
  constraint account_link_account_id_fkey FOREIGN KEY (account_id) REFERENCES legacy_account(id),
  constraint account_link_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES subject(id),
  constraint account_link_check CHECK ((unlinked_at IS NULL) = (unlink_reason IS NULL) AND (unlinked_at IS NULL) = (unlinked_by IS NULL)),
  constraint account_link_method_check CHECK (method = ANY (ARRAY['attested_number'::text, 'matching_person'::text, 'portal_word'::text, 'operators'::text]))
);
CREATE UNIQUE INDEX account_link_active ON account_link USING btree (account_id) WHERE unlinked_at IS NULL;
CREATE INDEX account_link_history ON account_link USING btree (account_id);
CREATE UNIQUE INDEX account_link_primary ON account_link USING btree (subject_id, client_id) WHERE unlinked_at IS NULL AND is_primary;
CREATE INDEX account_link_subject ON account_link USING btree (subject_id, client_id) WHERE unlinked_at IS NULL;
CREATE TRIGGER follow_changed_links AFTER UPDATE ON account_link REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_changed_links();
CREATE TRIGGER follow_new_links AFTER INSERT ON account_link REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_new_links();

create table approval (
  id uuid not null,
  kind text not null,
  sealed bytea,
  case_id uuid,
  subject_id uuid,
  reason text,
  evidence text,
  asked_by text not null,
  barred text[] default '{}'::text[] not null,
  asked_at timestamp with time zone default now() not null,
  expires_at timestamp with time zone,
  outcome text,
  ended_by text,
  ended_at timestamp with time zone,
  constraint approval_pkey PRIMARY KEY (id),
  constraint approval_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES operator(id),
  constraint approval_case_id_fkey FOREIGN KEY (case_id) REFERENCES review_case(id),
  constraint approval_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES subject(id),
  constraint approval_check CHECK ((outcome IS NULL) = (ended_at IS NULL) AND (outcome IS NULL) = (ended_by IS NULL)),
  constraint approval_check1 CHECK ((outcome IS NULL) = (sealed IS NOT NULL)),
  constraint approval_check2 CHECK (outcome IS DISTINCT FROM 'approved'::text OR ended_by <> asked_by AND (ended_by <> ALL (barred))),
  constraint approval_check3 CHECK (outcome IS DISTINCT FROM 'withdrawn'::text OR ended_by = asked_by),
  constraint approval_outcome_check CHECK (outcome = ANY (ARRAY['approved'::text, 'declined'::text, 'withdrawn'::text, 'expired'::text]))
);
CREATE INDEX approval_case ON approval USING btree (case_id) WHERE case_id IS NOT NULL;
CREATE UNIQUE INDEX approval_one_of_case ON approval USING btree (case_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX approval_one_of_person ON approval USING btree (subject_id) WHERE outcome IS NULL;
CREATE INDEX approval_open ON approval USING btree (asked_at, id) WHERE outcome IS NULL;

create table audit_checkpoint (
  number bigint not null,
  header text not null,
  signature bytea not null,
  last_id bigint not null,
  at timestamp with time zone not null,
  constraint audit_checkpoint_pkey PRIMARY KEY (number)
);
CREATE INDEX audit_checkpoint_at ON audit_checkpoint USING btree (at);

create table audit_checkpoint_part (
  number bigint not null,
  class text not null,
  month date not null,
  ids bytea,
  leaves bytea storage external,
  constraint audit_checkpoint_part_pkey PRIMARY KEY (number, class, month),
  constraint audit_checkpoint_part_number_fkey FOREIGN KEY (number) REFERENCES audit_checkpoint(number),
  constraint audit_checkpoint_part_check CHECK ((ids IS NULL) = (leaves IS NULL))
);
CREATE INDEX audit_checkpoint_part_partition ON audit_checkpoint_part USING btree (class, month);

create table audit_event (
  id bigint default CASE WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('audit_event_number'::regclass) ELSE NULL::bigint END not null,
  at timestamp with time zone default now() not null,
  class text not null,
  event text not null,
  client_id text,
  subject_id uuid,
  actor text not null,
  reference text,
  detail jsonb default '{}'::jsonb not null,
  salt uuid default gen_random_uuid() not null
) partition by RANGE (class, at);
CREATE INDEX audit_event_at ON ONLY audit_event USING brin (at);
CREATE INDEX audit_event_id ON ONLY audit_event USING btree (id);
CREATE INDEX audit_event_operator ON ONLY audit_event USING btree (actor, at) WHERE actor <> ALL (ARRAY['citizen'::text, 'portal'::text, 'system'::text, 'local'::text, 'sandbox'::text]);
CREATE INDEX audit_event_reference ON ONLY audit_event USING btree (reference) WHERE reference IS NOT NULL;
CREATE INDEX audit_event_refused ON ONLY audit_event USING btree (id) WHERE event = 'link.refused'::text;
CREATE INDEX audit_event_refused_client ON ONLY audit_event USING btree (client_id, id) WHERE event = 'link.refused'::text;
CREATE INDEX audit_event_subject ON ONLY audit_event USING btree (subject_id) WHERE subject_id IS NOT NULL;

create table audit_key (
  kid text not null,
  alg text not null,
  public jsonb not null,
  sealed bytea not null,
  created_at timestamp with time zone default now() not null,
  constraint audit_key_pkey PRIMARY KEY (kid)
);

create table client (
  id text not null,
  state text not null,
  state_at timestamp with time zone default now() not null,
  not_before timestamp with time zone,
  metadata jsonb not null,
  first_person_at timestamp with time zone,
  version integer default 1 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint client_pkey PRIMARY KEY (id),
  constraint client_state_check CHECK (state = ANY (ARRAY['draft'::text, 'active'::text, 'suspended'::text, 'retired'::text]))
);
CREATE TRIGGER begin_anew BEFORE UPDATE OF state ON client FOR EACH ROW WHEN (old.state = 'suspended'::text AND new.state = 'active'::text) EXECUTE FUNCTION begin_anew();

create table client_change (
  id bigint generated always as identity not null,
  client_id text not null,
  at timestamp with time zone default now() not null,
  actor text not null,
  action text not null,
  reason text,
  version integer not null,
  metadata jsonb not null,
  constraint client_change_pkey PRIMARY KEY (id),
  constraint client_change_client_id_fkey FOREIGN KEY (client_id) REFERENCES client(id)
);
CREATE INDEX client_change_client ON client_change USING btree (client_id, id);

create table client_rehome (
  id bigint generated always as identity not null,
  old_client text not null,
  new_client text not null,
  until date not null,
  subs text not null,
  sector text,
  reason text not null,
  begun_by text not null,
  begun_at timestamp with time zone default now() not null,
  undone_by text,
  undone_at timestamp with time zone,
  completed_at timestamp with time zone,
  constraint client_rehome_pkey PRIMARY KEY (id),
  constraint client_rehome_new_client_fkey FOREIGN KEY (new_client) REFERENCES client(id),
  constraint client_rehome_old_client_fkey FOREIGN KEY (old_client) REFERENCES client(id),
  constraint client_rehome_check CHECK (old_client <> new_client),
  constraint client_rehome_check1 CHECK ((undone_at IS NULL) = (undone_by IS NULL)),
  constraint client_rehome_check2 CHECK (undone_at IS NULL OR completed_at IS NULL),
  constraint client_rehome_subs_check CHECK (subs = ANY (ARRAY['old'::text, 'own'::text]))
);
CREATE INDEX client_rehome_new ON client_rehome USING btree (new_client) WHERE undone_at IS NULL;
CREATE UNIQUE INDEX client_rehome_old ON client_rehome USING btree (old_client) WHERE undone_at IS NULL;

create table client_secret (
  id uuid default gen_random_uuid() not null,
  client_id text not null,
  hash bytea not null,
  slot smallint,
  created_at timestamp with time zone default now() not null,
  created_by text,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revoked_by text,
  warned_on date,
  constraint client_secret_pkey PRIMARY KEY (id),
  constraint client_secret_client_id_hash_key UNIQUE (client_id, hash),
  constraint client_secret_client_id_fkey FOREIGN KEY (client_id) REFERENCES client(id) ON DELETE CASCADE,
  constraint client_secret_check CHECK (slot IS NULL OR revoked_at IS NULL),
  constraint client_secret_check1 CHECK (revoked_by IS NULL OR revoked_at IS NOT NULL),
  constraint client_secret_slot_check CHECK (slot = ANY (ARRAY[1, 2]))
);
CREATE UNIQUE INDEX client_secret_slot ON client_secret USING btree (client_id, slot) WHERE slot IS NOT NULL;

create table idempotent_request (
  operator_id text not null,
  operation text not null,
  key_hash bytea not null,
  reference text not null,
  begun_at timestamp with time zone default now() not null,
  held_until timestamp with time zone,
  sealed bytea not null,
  constraint idempotent_request_pkey PRIMARY KEY (operator_id, operation, key_hash)
);
CREATE INDEX idempotent_request_begun ON idempotent_request USING btree (begun_at);

create table identifier (
  id uuid not null,
  subject_id uuid not null,
  type text not null,
  sealed bytea not null,
  valid_from timestamp with time zone default now() not null,
  valid_to timestamp with time zone,
  constraint identifier_pkey PRIMARY KEY (id),
  constraint identifier_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES subject(id)
);
CREATE UNIQUE INDEX identifier_active ON identifier USING btree (subject_id) WHERE valid_to IS NULL;

create table identifier_key (
  type text not null,
  key bytea not null,
  identifier_id uuid not null,
  constraint identifier_key_pkey PRIMARY KEY (type, key),
  constraint identifier_key_identifier_id_fkey FOREIGN KEY (identifier_id) REFERENCES identifier(id)
);
CREATE INDEX identifier_key_identifier ON identifier_key USING btree (identifier_id);

create table legacy_account (
  id bigint generated always as identity not null,
  client_id text not null,
  account_key bytea not null,
  kind text not null,
  state text not null,
  identifier_type text,
  identifier_key bytea,
  hint_key bytea,
  attested_on date,
  created_by text default 'self'::text not null,
  last_used_on date,
  province text default ''::text not null,
  classes integer default 0 not null,
  sealed bytea not null,
  digest bytea not null,
  imported_at timestamp with time zone default now() not null,
  constraint legacy_account_pkey PRIMARY KEY (id),
  constraint legacy_account_client_id_account_key_key UNIQUE (client_id, account_key),
  constraint legacy_account_client_id_fkey FOREIGN KEY (client_id) REFERENCES client(id),
  constraint legacy_account_check CHECK ((identifier_type IS NULL) = (identifier_key IS NULL)),
  constraint legacy_account_check1 CHECK (attested_on IS NULL OR identifier_key IS NOT NULL),
  constraint legacy_account_created_by_check CHECK (created_by = ANY (ARRAY['self'::text, 'officer'::text, 'other'::text])),
  constraint legacy_account_kind_check CHECK (kind = ANY (ARRAY['citizen'::text, 'foreigner'::text, 'organisation'::text, 'staff'::text])),
  constraint legacy_account_state_check CHECK (state = ANY (ARRAY['open'::text, 'linked'::text, 'in_review'::text, 'exempt'::text, 'retired'::text]))
);
CREATE INDEX legacy_account_hint ON legacy_account USING btree (hint_key, client_id) WHERE hint_key IS NOT NULL;
CREATE INDEX legacy_account_identifier ON legacy_account USING btree (identifier_key, client_id) WHERE identifier_key IS NOT NULL;
CREATE TRIGGER count_changed_accounts AFTER UPDATE ON legacy_account REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_changed_accounts();
CREATE TRIGGER count_new_accounts AFTER INSERT ON legacy_account REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_new_accounts();

create table legacy_import (
  id uuid not null,
  client_id text not null,
  dry_run boolean not null,
  state text default 'reading'::text not null,
  begun_by text not null,
  begun_at timestamp with time zone default now() not null,
  touched_at timestamp with time zone default now() not null,
  rows_read bigint default 0 not null,
  rows_done bigint default 0 not null,
  summary jsonb default '{}'::jsonb not null,
  fault text,
  constraint legacy_import_pkey PRIMARY KEY (id),
  constraint legacy_import_client_id_fkey FOREIGN KEY (client_id) REFERENCES client(id),
  constraint legacy_import_state_check CHECK (state = ANY (ARRAY['reading'::text, 'comparing'::text, 'applying'::text, 'done'::text, 'failed'::text]))
);
CREATE INDEX legacy_import_client ON legacy_import USING btree (client_id, begun_at);

create table link_change (
  id bigint generated always as identity not null,
  client_id text not null,
  position bigint,
  account_id bigint not null,
  link_id uuid not null,
  change text not null,
  at timestamp with time zone default now() not null,
  constraint link_change_pkey PRIMARY KEY (id),
  constraint link_change_client_id_position_key UNIQUE (client_id, "position"),
  constraint link_change_account_id_fkey FOREIGN KEY (account_id) REFERENCES legacy_account(id),
  constraint link_change_link_id_fkey FOREIGN KEY (link_id) REFERENCES account_link(id),
  constraint link_change_change_check CHECK (change = ANY (ARRAY['linked'::text, 'unlinked'::text, 'primary'::text, 'not_primary'::text]))
);
CREATE INDEX link_change_new ON link_change USING btree (client_id, id) WHERE "position" IS NULL;

create table mapping_change (
  client_id text not null,
  province text not null,
  day date not null,
  kind text not null,
  state text not null,
  classes integer not null,
  method text not null,
  n bigint not null
);

create table mapping_count (
  client_id text not null,
  province text not null,
  day date not null,
  kind text not null,
  state text default ''::text not null,
  classes integer default 0 not null,
  method text default ''::text not null,
  n bigint not null,
  constraint mapping_count_pkey PRIMARY KEY (client_id, province, day, kind, state, classes, method)
);

create table migration (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone default now() not null,
  constraint migration_pkey PRIMARY KEY (name)
);

create table operator (
  id text not null,
  kind text default 'machine'::text not null,
  roles text[] not null,
  public jsonb,
  key_changed_at timestamp with time zone,
  key_changed_by text,
  was_officer boolean default false not null,
  created_at timestamp with time zone default now() not null,
  created_by text not null,
  disabled_at timestamp with time zone,
  disabled_by text,
  disabled_reason text,
  enabled_at timestamp with time zone,
  last_seen_at timestamp with time zone,
  constraint operator_pkey PRIMARY KEY (id),
  constraint operator_check CHECK ((disabled_at IS NULL) = (disabled_by IS NULL) AND (disabled_at IS NULL) = (disabled_reason IS NULL)),
  constraint operator_check1 CHECK (kind = 'person'::text OR public IS NOT NULL),
  constraint operator_id_check CHECK (id ~ '^[a-z0-9._-]{3,64}$'::text AND (id <> ALL (ARRAY['citizen'::text, 'system'::text, 'local'::text, 'operator'::text, 'portal'::text, 'sandbox'::text]))),
  constraint operator_kind_check CHECK (kind = ANY (ARRAY['machine'::text, 'person'::text])),
  constraint operator_roles_check CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['viewer'::text, 'registrar'::text, 'mapping_officer'::text, 'auditor'::text, 'security_officer'::text])
);
CREATE UNIQUE INDEX operator_public ON operator USING btree (public);

create table operator_change (
  id bigint generated always as identity not null,
  operator_id text not null,
  at timestamp with time zone default now() not null,
  actor text not null,
  asked_by text,
  action text not null,
  reason text,
  roles text[],
  constraint operator_change_pkey PRIMARY KEY (id),
  constraint operator_change_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id)
);
CREATE INDEX operator_change_operator ON operator_change USING btree (operator_id, id);

create table operator_citizen_key (
  type text not null,
  key bytea not null,
  operator_id text not null,
  constraint operator_citizen_key_pkey PRIMARY KEY (type, key),
  constraint operator_citizen_key_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id)
);
CREATE INDEX operator_citizen_key_operator ON operator_citizen_key USING btree (operator_id);

create table operator_review (
  id bigint generated always as identity not null,
  read_at timestamp with time zone not null,
  confirmed_at timestamp with time zone default now() not null,
  confirmed_by text not null,
  constraint operator_review_pkey PRIMARY KEY (id)
);

create table portal_day (
  client_id text not null,
  day date not null,
  what text not null,
  code text not null,
  n bigint not null,
  constraint portal_day_pkey PRIMARY KEY (client_id, day, what, code),
  constraint portal_day_what_check CHECK (what = ANY (ARRAY['login'::text, 'logout'::text, 'request'::text]))
);
CREATE INDEX portal_day_day ON portal_day USING btree (day);

create table reseal (
  id uuid default gen_random_uuid() not null,
  ring bytea not null,
  begun_by text not null,
  begun_at timestamp with time zone default now() not null,
  touched_at timestamp with time zone default now() not null,
  ended_at timestamp with time zone,
  step text default ''::text not null,
  last_row text,
  rows_total bigint not null,
  rows_done bigint default 0 not null,
  rows_changed bigint default 0 not null,
  rows_unreadable bigint default 0 not null,
  fault text,
  constraint reseal_pkey PRIMARY KEY (id)
);
CREATE INDEX reseal_begun ON reseal USING btree (begun_at);

create table review_case (
  id uuid default gen_random_uuid() not null,
  account_id bigint not null,
  client_id text not null,
  reason text not null,
  subject_id uuid,
  sealed bytea,
  opened_at timestamp with time zone default now() not null,
  opened_by text not null,
  opened_reason text,
  reference text,
  outcome text,
  decided_at timestamp with time zone,
  decided_by text,
  decision_reason text,
  constraint review_case_pkey PRIMARY KEY (id),
  constraint review_case_account_id_fkey FOREIGN KEY (account_id) REFERENCES legacy_account(id),
  constraint review_case_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES subject(id),
  constraint review_case_check CHECK ((outcome IS NULL) = (decided_at IS NULL) AND (outcome IS NULL) = (decided_by IS NULL)),
  constraint review_case_check1 CHECK (outcome IS NULL OR sealed IS NULL),
  constraint review_case_outcome_check CHECK (outcome = ANY (ARRAY['linked'::text, 'dismissed'::text, 'accepted'::text, 'retired'::text])),
  constraint review_case_reason_check CHECK (reason = ANY (ARRAY['not_attested'::text, 'kind_differs'::text, 'number_differs'::text, 'number_changed'::text, 'kind_changed'::text, 'number_cancelled'::text, 'held_by_another'::text, 'late_comer'::text, 'unlinked'::text, 'by_hand'::text]))
);
CREATE INDEX review_case_account ON review_case USING btree (account_id);
CREATE INDEX review_case_client ON review_case USING btree (client_id, opened_at, id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX review_case_open ON review_case USING btree (account_id, reason, COALESCE(subject_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE outcome IS NULL;

create table ring_key_use (
  purpose text not null,
  key_id bytea not null,
  seen_at timestamp with time zone default now() not null,
  constraint ring_key_use_pkey PRIMARY KEY (purpose, key_id)
);

create table signing_key (
  kid text not null,
  alg text not null,
  public jsonb not null,
  sealed bytea not null,
  created_at timestamp with time zone default now() not null,
  sign_from timestamp with time zone not null,
  constraint signing_key_pkey PRIMARY KEY (kid)
);

create table signing_key_history (
  kid text not null,
  alg text not null,
  public jsonb not null,
  published_at timestamp with time zone not null,
  sign_from timestamp with time zone not null,
  ended_at timestamp with time zone default now() not null,
  revoked_at timestamp with time zone,
  revoked_by text,
  revoke_reason text,
  constraint signing_key_history_pkey PRIMARY KEY (kid),
  constraint signing_key_history_check CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoke_reason IS NULL))
);

create table subject (
  id uuid not null,
  kind text not null,
  created_at timestamp with time zone default now() not null,
  disabled_at timestamp with time zone,
  replaced_by uuid,
  constraint subject_pkey PRIMARY KEY (id),
  constraint subject_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES subject(id),
  constraint subject_kind_check CHECK (kind = ANY (ARRAY['citizen'::text, 'foreigner'::text, 'organisation'::text]))
);

create table audit_partition.other_months partition of audit_event default;

create view mapping_total as
 SELECT client_id,
    province,
    day,
    kind,
    state,
    classes,
    method,
    sum(n)::bigint AS n
   FROM ( SELECT mapping_count.client_id,
            mapping_count.province,
            mapping_count.day,
            mapping_count.kind,
            mapping_count.state,
            mapping_count.classes,
            mapping_count.method,
            mapping_count.n
           FROM mapping_count
        UNION ALL
         SELECT mapping_change.client_id,
            mapping_change.province,
            mapping_change.day,
            mapping_change.kind,
            mapping_change.state,
            mapping_change.classes,
            mapping_change.method,
            mapping_change.n
           FROM mapping_change) both_of
  GROUP BY client_id, province, day, kind, state, classes, method;

CREATE OR REPLACE FUNCTION public.begin_anew()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
  new.not_before := date_trunc('second', clock_timestamp()) + interval '1 second';
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.count_changed_accounts()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select client_id, province, vietnam_date(), kind, state, classes, '', sum(n)
  from (select client_id, province, kind, state, classes, 1 as n from new_rows
        union all select client_id, province, kind, state, classes, -1 from old_rows) both_of
  group by client_id, province, kind, state, classes having sum(n) <> 0;
  -- When an account changes its province or kind, the count of its link moves too.
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select n.client_id, side.province, vietnam_date(), side.kind, '', 0, l.method, side.n
  from new_rows n join old_rows o on o.id = n.id and (o.province, o.kind) <> (n.province, n.kind)
    join account_link l on l.account_id = n.id and l.unlinked_at is null,
    lateral (values (n.province, n.kind, 1), (o.province, o.kind, -1)) as side(province, kind, n);
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.count_new_accounts()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select client_id, province, vietnam_date(), kind, state, classes, '', count(*)
  from new_rows group by client_id, province, kind, state, classes;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.follow_changed_links()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
  insert into link_change (client_id, account_id, link_id, change)
  select n.client_id, n.account_id, n.id,
    case when n.unlinked_at is not null then 'unlinked' when n.is_primary then 'primary' else 'not_primary' end
  from new_rows n join old_rows o on o.id = n.id
  where n.unlinked_at is distinct from o.unlinked_at
     or (n.unlinked_at is null and n.is_primary <> o.is_primary)
  order by n.is_primary, n.id;
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select n.client_id, a.province, vietnam_date(), a.kind, '', 0, n.method, -count(*)
  from new_rows n join old_rows o on o.id = n.id join legacy_account a on a.id = n.account_id
  where n.unlinked_at is not null and o.unlinked_at is null group by n.client_id, a.province, a.kind, n.method;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.follow_new_links()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
  insert into link_change (client_id, account_id, link_id, change)
  select client_id, account_id, id, 'linked' from new_rows order by id;
  insert into mapping_change (client_id, province, day, kind, state, classes, method, n)
  select l.client_id, a.province, vietnam_date(), a.kind, '', 0, l.method, count(*)
  from new_rows l join legacy_account a on a.id = l.account_id group by l.client_id, a.province, a.kind, l.method;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.make_audit_partition(of_class text, of_month date)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
declare
  name text := format('audit_partition.%I', of_class || to_char(of_month, '_YYYY_MM'));
  low timestamptz := of_month::timestamp at time zone 'UTC';
  high timestamptz := (of_month + interval '1 month') at time zone 'UTC';
begin
  if to_regclass(name) is not null then return false; end if;
  execute format('create table %s (like audit_event including defaults)', name);
  lock table audit_partition.other_months in access exclusive mode;
  execute format('with moved as (delete from audit_partition.other_months where class = %L and at >= %L and at < %L returning *)
    insert into %s select * from moved', of_class, low, high, name);
  execute format('alter table audit_event attach partition %s for values from (%L, %L) to (%L, %L)',
    name, of_class, low, of_class, high);
  return true;
end $function$;

CREATE OR REPLACE FUNCTION public.vietnam_date()
 RETURNS date
 LANGUAGE sql
 STABLE
AS $function$ select ((now() at time zone 'utc') + interval '7 hours')::date $function$;
