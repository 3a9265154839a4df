import type { IdentifierType } from '../citizen-id.ts'
import type { AuditEvent } from '../audit.ts'
import type { Db } from './db.ts'
import { auditColumns, auditRows, auditValues, writtenEvent } from './audit.ts'
import { type StoredLink, linksOf } from './links.ts'
import type { AccountState, Population } from '../vocabulary.ts'

/** A legacy account that may belong to the person who signs in. */
export interface Candidate {
  readonly account: string
  /** Id of the account's portal. */
  readonly portal: string
  /** base64 */
  readonly accountKey: string
  readonly kind: Population
  readonly state: AccountState
  readonly attested: boolean
  /** ISO date, or null. */
  readonly attestedOn: string | null
  /** base64 */
  readonly sealed: string
  /** Changes with every write to the account's row. */
  readonly version: string
  /** The account's recorded number, compared with the person's. */
  readonly numberIs: 'equal' | 'other' | 'none'
  /** The subject to which it is linked. */
  readonly holder: string | null
  /** Whether an operator decided that it is not this person's. */
  readonly barred: boolean
}

/** The stored data about a person who signs in, for one portal and those re-homed into it. */
export interface Known {
  /** Undefined: the number is unknown. */
  readonly subject:
    | { readonly id: string; readonly disabled: boolean; readonly cancelled: boolean }
    | undefined
  readonly links: readonly StoredLink[]
  /** Accounts with the same number that are not yet linked to the person and have no open case. */
  readonly candidates: readonly Candidate[]
}

/** Cases with the other reasons are about a row of an import; dismissing one does not deny the account to the person. */
const isAboutPerson = `c.reason not in ('number_changed', 'kind_changed')`

const candidate = (subject: string, type: string, keys: string) => `json_build_object(
    'account', a.id::text, 'portal', a.client_id, 'accountKey', encode(a.account_key, 'base64'), 'kind', a.kind, 'state', a.state,
    'attested', a.attested_on is not null, 'attestedOn', a.attested_on, 'sealed', encode(a.sealed, 'base64'),
    'version', a.xmin::text,
    'numberIs', case when a.identifier_key is null then 'none'
      when a.identifier_type = ${type} and a.identifier_key = any(${keys}) then 'equal' else 'other' end,
    'holder', (select l.subject_id from account_link l where l.account_id = a.id and l.unlinked_at is null),
    'barred', exists (select from review_case c
      where c.account_id = a.id and c.subject_id = ${subject} and c.outcome = 'dismissed'
        and ${isAboutPerson}))`

/** @param keys keyed hashes of the number under every index key */
export async function findForSignIn(
  db: Db,
  type: IdentifierType,
  keys: readonly Buffer[],
  portals: readonly string[],
): Promise<Known> {
  const rows = await db.query<{
    id: string | null
    disabled: boolean
    cancelled: boolean
    links: StoredLink[]
    candidates: Candidate[]
  }>(
    `select s.id, s.disabled_at is not null as disabled, i.valid_to is not null as cancelled,
       ${linksOf('s.id', '$3::text[]')} as links,
       coalesce((
         select json_agg(${candidate('s.id', '$1', '$2::bytea[]')} order by a.id)
         -- The limit: an officer may have entered their own number for thousands of accounts. The rest follows at later logins.
         from (select a.*, a.xmin from legacy_account a
         where a.client_id = any($3::text[]) and a.identifier_type = $1 and a.identifier_key = any($2::bytea[])
           and (a.state = 'open' or a.state = 'linked' and not exists (
             select from account_link l where l.account_id = a.id and l.unlinked_at is null and l.subject_id = s.id))
           and not exists (select from review_case c
             where c.account_id = a.id and c.subject_id = s.id and coalesce(c.outcome, 'dismissed') = 'dismissed'
               and ${isAboutPerson})
         order by a.id limit 100) a
       ), '[]') as candidates
     from (select) one
       left join identifier_key k on k.type = $1 and k.key = any($2::bytea[])
       left join identifier i on i.id = k.identifier_id
       left join subject s on s.id = i.subject_id`,
    [type, keys, portals],
  )
  const [first] = rows
  if (first === undefined || rows.some((row) => row.id !== first.id)) {
    throw new Error('a number has keyed hashes of two subjects')
  }
  const { id, disabled, cancelled, links, candidates } = first
  return { subject: id === null ? undefined : { id, disabled, cancelled }, links, candidates }
}

/** The account that a portal vouches for, in relation to this person. */
export async function findCandidate(
  db: Db,
  { portal, accountKey }: { readonly portal: string; readonly accountKey: Buffer },
  person: { readonly subjectId: string; readonly type: IdentifierType; readonly keys: readonly Buffer[] },
): Promise<Candidate | undefined> {
  const [row] = await db.query<{ candidate: Candidate }>(
    `select ${candidate('$3::uuid', '$4', '$5::bytea[]')} as candidate
     from legacy_account a where a.client_id = $1 and a.account_key = $2`,
    [portal, accountKey, person.subjectId, person.type, person.keys],
  )
  return row?.candidate
}

/** A link or a case that the rules decided for an account in a given version. */
export interface Wanted {
  readonly account: string
  /** Nothing is written for the account if this version is no longer the stored one. */
  readonly version: string
}
export interface WantedLink extends Wanted {
  readonly method: string
  readonly evidence: Readonly<Record<string, string | null>>
}
export interface WantedCase extends Wanted {
  readonly reason: string
  /** VNeID's side, sealed, in base64. */
  readonly sealed: string
}

export interface Written {
  readonly links: readonly StoredLink[]
  readonly cases: readonly { readonly id: string; readonly account: string; readonly reason: string }[]
  /** The audit events that were written. */
  readonly audited: readonly AuditEvent[]
}

/**
 * Writes everything that one sign-in changes, with its audit events, in one statement: a new subject with its number,
 * links, cases. Accounts are linked only if they are still open and unchanged, and the number still leads to the
 * subject; their rows are locked in order until the statement ends. If another sign-in registered the number meanwhile,
 * the primary key refuses it (23505), and the caller must read again.
 * @returns what was actually written
 */
export async function writeSignIn(
  db: Db,
  change: {
    readonly subjectId: string
    /** Set when the subject is new. */
    readonly create?:
      | { readonly kind: string; readonly identifierId: string; readonly sealed: Buffer }
      | undefined
    readonly type: IdentifierType
    readonly keys: readonly Buffer[]
    /** Portals whose accounts may be linked. */
    readonly portals: readonly string[]
    readonly links: readonly WantedLink[]
    readonly cases: readonly WantedCase[]
    readonly actor: string
    readonly reference: string
    /** The portal of the sign-in: recorded as `via` if the account belongs to another portal. */
    readonly at: string
    readonly events: readonly AuditEvent[]
  },
): Promise<Written> {
  const { create } = change
  const via = (row: string) =>
    `case when ${row}.client_id = $13 then '{}'::jsonb else jsonb_build_object('via', $13::text) end`
  const [row] = await db.query<Written>(
    `with made as (
       insert into subject (id, kind) select $1::uuid, $2 where $2::text is not null returning id),
     numbered as (
       insert into identifier (id, subject_id, type, sealed) select $3::uuid, id, $4, $5::bytea from made returning id),
     keyed as (
       insert into identifier_key (type, key, identifier_id)
       select $4, key, numbered.id from numbered, unnest($6::bytea[]) key returning 1),
     -- Waits if the number is being replaced by another transaction, and then finds no row.
     standing as (
       select 1 from identifier_key k join identifier i on i.id = k.identifier_id
       where k.type = $4 and k.key = any($6::bytea[]) and i.subject_id = $1::uuid and i.valid_to is null
       for share of i),
     eligible as (
       select a.id, a.client_id, a.account_key, a.sealed, a.attested_on, w.method, w.evidence, w.reason, w.other
       from jsonb_to_recordset($8::jsonb)
           as w(account bigint, version text, method text, evidence jsonb, reason text, other text)
         join legacy_account a on a.id = w.account
       -- By id: the planner assumes 100 rows from the JSON and would otherwise scan a small table.
       where a.id = any($12::bigint[]) and a.client_id = any($7::text[]) and a.xmin::text = w.version
         and (a.state = 'open' or w.method is null and a.state in ('linked', 'in_review'))
         and ($2::text is not null or exists (select from standing))
       order by a.id for update of a),
     linked as (
       insert into account_link (account_id, client_id, subject_id, method, evidence, linked_by)
       select id, client_id, $1::uuid, method, evidence, $9 from eligible where method is not null order by id
       on conflict (account_id) where unlinked_at is null do nothing
       returning id, account_id, client_id, method, linked_at, is_primary),
     questioned as (
       insert into review_case (account_id, client_id, reason, subject_id, sealed, opened_by, reference)
       select id, client_id, reason, $1::uuid, decode(other, 'base64'), $9, $10 from eligible where method is null
       on conflict do nothing returning id, account_id, client_id, reason),
     moved as (
       update legacy_account a set state = case when l.id is null then 'in_review' else 'linked' end
       from eligible e left join linked l on l.account_id = e.id left join questioned q on q.account_id = e.id
       where a.id = e.id and a.state = 'open' and (l.id is not null or q.id is not null) returning 1),
     audited as (
       insert into audit_event (${auditColumns})
       select 'link', 'link.created', l.client_id, $1::uuid, $9, $10,
         jsonb_build_object('link', l.id, 'account', l.account_id::text, 'method', l.method) || ${via('l')} from linked l
       union all
       select 'link', 'review.opened', q.client_id, $1::uuid, $9, $10,
         jsonb_build_object('case', q.id, 'account', q.account_id::text, 'reason', q.reason) || ${via('q')}
       from questioned q
       union all ${auditValues('$11')} returning ${writtenEvent} as event)
     select
       coalesce((select json_agg(json_build_object('id', l.id, 'portal', l.client_id,
         'accountKey', encode(e.account_key, 'base64'),
         'sealed', encode(e.sealed, 'base64'), 'method', l.method, 'linkedAt', l.linked_at,
         'isPrimary', l.is_primary) order by l.linked_at, e.id)
         from linked l join eligible e on e.id = l.account_id), '[]') as links,
       coalesce((select json_agg(json_build_object('id', q.id, 'account', q.account_id::text, 'reason', q.reason))
         from questioned q), '[]') as cases,
       coalesce((select json_agg(event) from audited), '[]') as audited`,
    [
      change.subjectId,
      create?.kind ?? null,
      create?.identifierId ?? null,
      change.type,
      create?.sealed ?? null,
      change.keys,
      change.portals,
      JSON.stringify([
        ...change.links,
        ...change.cases.map(({ sealed, ...rest }) => ({ ...rest, other: sealed })),
      ]),
      change.actor,
      change.reference,
      auditRows(change.events),
      [...change.links, ...change.cases].map(({ account }) => account),
      change.at,
    ],
  )
  return row!
}
