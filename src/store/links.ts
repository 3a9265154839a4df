import type { Db } from './db.ts'

/** An active link with its sealed account; `mapping/links.ts` opens it. */
export interface StoredLink {
  readonly id: string
  /** Id of the account's portal. */
  readonly portal: string
  /** base64 */
  readonly accountKey: string
  /** base64 */
  readonly sealed: string
  readonly method: string
  /** ISO 8601. */
  readonly linkedAt: string
  readonly isPrimary: boolean
}

/** SQL expression: the active links of a subject at the portals as a JSON array, oldest first. */
export const linksOf = (subject: string, clients: string): string => `coalesce((
  select json_agg(json_build_object('id', l.id, 'portal', l.client_id, 'accountKey', encode(a.account_key, 'base64'),
    'sealed', encode(a.sealed, 'base64'), 'method', l.method, 'linkedAt', l.linked_at, 'isPrimary', l.is_primary)
    order by l.linked_at, l.account_id)
  from account_link l join legacy_account a on a.id = l.account_id
  where l.subject_id = ${subject} and l.client_id = any(${clients}) and l.unlinked_at is null), '[]')`

/** The current links of a subject at the portals; undefined when the subject is disabled. */
export async function findLinks(
  db: Db,
  subjectId: string,
  portals: readonly string[],
): Promise<StoredLink[] | undefined> {
  const [row] = await db.query<{ links: StoredLink[] }>(
    `select ${linksOf('s.id', '$2::text[]')} as links from subject s where s.id = $1 and s.disabled_at is null`,
    [subjectId, portals],
  )
  return row?.links
}

/** @returns the ended link, undefined when the account has no active link with this id */
export async function endLink(
  db: Db,
  linkId: string,
  account: string,
  { by, reason }: { by: string; reason: string },
): Promise<{ clientId: string; subjectId: string; method: string } | undefined> {
  const [row] = await db.query<{ clientId: string; subjectId: string; method: string }>(
    `update account_link set unlinked_at = now(), unlinked_by = $3, unlink_reason = $4
     where id = $1 and account_id = $2::bigint and unlinked_at is null
     returning client_id as "clientId", subject_id as "subjectId", method`,
    [linkId, account, by, reason],
  )
  return row
}

/**
 * Inserts a link that two operators decided. Waits if the subject is being replaced by another transaction.
 * @returns its id, undefined when the subject is disabled
 */
export async function insertOperatorLink(
  db: Db,
  link: {
    account: string
    clientId: string
    subjectId: string
    evidence: Readonly<Record<string, string>>
    by: string
  },
): Promise<string | undefined> {
  const [row] = await db.query<{ id: string }>(
    `with s as (select id from subject where id = $3 and disabled_at is null for share)
     insert into account_link (account_id, client_id, subject_id, method, evidence, linked_by)
     select $1::bigint, $2, s.id, 'operators', $4::jsonb, $5 from s returning id`,
    [link.account, link.clientId, link.subjectId, JSON.stringify(link.evidence), link.by],
  )
  return row?.id
}

/** Marks one active link of a person at a portal as primary and removes the mark from the previous one. */
export async function markPrimary(
  db: Db,
  clientId: string,
  accountKey: Buffer,
): Promise<{ linkId: string; subjectId: string } | undefined> {
  const [link] = await db.query<{ linkId: string; subjectId: string }>(
    `select l.id as "linkId", l.subject_id as "subjectId"
     from legacy_account a join account_link l on l.account_id = a.id and l.unlinked_at is null
     where a.client_id = $1 and a.account_key = $2`,
    [clientId, accountKey],
  )
  if (link === undefined) return undefined
  // Locks the person's links, so that of two concurrent marks one remains. The old mark is removed first, because the
  // unique index allows only one.
  await db.query(
    `select 1 from account_link where subject_id = $1 and client_id = $2 and unlinked_at is null order by id for update`,
    [link.subjectId, clientId],
  )
  await db.query(
    `update account_link set is_primary = false
     where subject_id = $1 and client_id = $2 and unlinked_at is null and is_primary and id <> $3`,
    [link.subjectId, clientId, link.linkId],
  )
  const marked = await db.query(
    `update account_link set is_primary = true where id = $1 and unlinked_at is null returning 1`,
    [link.linkId],
  )
  return marked.length === 1 ? link : undefined
}
