import type { IdentifierType } from '../citizen-id.ts'
import type { AuditEvent } from '../audit.ts'
import type { Db } from './db.ts'
import { auditColumns, auditValues } from './audit.ts'

export interface Link {
  readonly id: string
  readonly accountId: string
  readonly method: string
  /** ISO 8601. */
  readonly linkedAt: string
}

/** What the database knows about the person who just came back from VNeID, for one portal. */
export interface Known {
  /** Undefined: never seen. */
  readonly subject:
    | { readonly id: string; readonly disabled: boolean; readonly cancelled: boolean }
    | undefined
  readonly links: readonly Link[]
  /** Open legacy accounts of the portal with the same, attested number and of the same kind. */
  readonly attested: readonly string[]
}

const linksOf = (subject: string, client: string) => `coalesce((
  select json_agg(json_build_object('id', l.id, 'accountId', l.account_id, 'method', l.method,
    'linkedAt', l.linked_at) order by l.linked_at, l.account_id)
  from account_link l where l.subject_id = ${subject} and l.client_id = ${client} and l.unlinked_at is null), '[]')`

/** A staff account, or an organisation's under a person's number, is never linked by the number alone: a human decides. */
const ofThatKind = `a.kind || '_id' = a.identifier_type`

/** @param keys blind indexes of the number under every index key */
export async function findForSignIn(
  db: Db,
  type: IdentifierType,
  keys: readonly Buffer[],
  clientId: string,
): Promise<Known> {
  const rows = await db.query<{
    id: string | null
    disabled: boolean
    cancelled: boolean
    links: Link[]
    attested: string[]
  }>(
    `select s.id, s.disabled_at is not null as disabled, i.valid_to is not null as cancelled,
       ${linksOf('s.id', '$3')} as links,
       array(select a.account_id from legacy_account a
             where a.client_id = $3 and a.identifier_type = $1 and a.identifier_key = any($2::bytea[])
               and a.attested_at is not null and a.state = 'open' and ${ofThatKind}) as attested
     from (select) one
       left join identifier_key k on k.type = $1 and k.key = any($2::bytea[])
       left join identifier i on i.id = k.identifier_id
       left join subject s on s.id = i.subject_id`,
    [type, keys, clientId],
  )
  const [first] = rows
  if (first === undefined || rows.some((row) => row.id !== first.id)) {
    throw new Error('one number leads to two subjects')
  }
  const { id, disabled, cancelled, links, attested } = first
  return { subject: id === null ? undefined : { id, disabled, cancelled }, links, attested }
}

/**
 * A new subject, its number and its first links, with their audit rows, in one statement: all or nothing.
 * A number that another sign-in registered meanwhile is refused by the primary key (23505): read again.
 * @returns the links really made; an account that someone else got meanwhile is not among them
 */
export async function recordSignIn(
  db: Db,
  change: {
    readonly subjectId: string
    /** Set when the subject is new. */
    readonly create?: { readonly kind: string; readonly identifierId: string; readonly sealed: Buffer }
    readonly type: IdentifierType
    readonly keys: readonly Buffer[]
    readonly clientId: string
    readonly accountIds: readonly string[]
    readonly method: string
    readonly actor: string
    readonly reference: string
    readonly events: readonly AuditEvent[]
  },
): Promise<Link[]> {
  const { create } = change
  return db.query<Link>(
    `with made as (
       insert into subject (id, kind) select $1::uuid, $2 where $2::text is not null returning id),
     numbered as (
       insert into identifier (id, subject_id, type, sealed) select $3::uuid, id, $4, $5::bytea from made returning id),
     keyed as (
       insert into identifier_key (type, key, identifier_id)
       select $4, key, numbered.id from numbered, unnest($6::bytea[]) key returning 1),
     linked as (
       insert into account_link (client_id, account_id, subject_id, method, evidence, linked_by)
       select a.client_id, a.account_id, $1::uuid, $9, json_build_object('attested_at', a.attested_at), $10
       from legacy_account a
       where a.client_id = $7 and a.account_id = any($8::text[]) and a.state = 'open'
         and a.identifier_type = $4 and a.identifier_key = any($6::bytea[]) and a.attested_at is not null
         and ${ofThatKind}
       on conflict do nothing returning id, account_id, method, linked_at),
     moved as (
       update legacy_account a set state = 'linked' from linked l
       where a.client_id = $7 and a.account_id = l.account_id returning 1),
     audited as (
       insert into audit_event (${auditColumns})
       select 'link.created', $7, $1::uuid, $10, $11, json_build_object('link', l.id, 'method', l.method)::jsonb from linked l
       union all ${auditValues('$12')} returning 1)
     select id, account_id as "accountId", method, to_json(linked_at) #>> '{}' as "linkedAt" from linked`,
    [
      change.subjectId,
      create?.kind ?? null,
      create?.identifierId ?? null,
      change.type,
      create?.sealed ?? null,
      change.keys,
      change.clientId,
      change.accountIds,
      change.method,
      change.actor,
      change.reference,
      JSON.stringify(change.events),
    ],
  )
}

/** The portal's links of a subject as they stand now; undefined when the subject may not be used any more. */
export async function findLinks(db: Db, subjectId: string, clientId: string): Promise<Link[] | undefined> {
  const [row] = await db.query<{ links: Link[] }>(
    `select ${linksOf('s.id', '$2')} as links from subject s where s.id = $1 and s.disabled_at is null`,
    [subjectId, clientId],
  )
  return row?.links
}
