import type { Db } from './db.ts'

export interface CaseRow {
  readonly id: string
  readonly account: string
  readonly clientId: string
  readonly reason: string
  readonly subjectId: string | null
  readonly sealed: Buffer | null
  readonly openedAt: Date
  readonly openedBy: string
  readonly openedReason: string | null
  readonly reference: string | null
  readonly outcome: string | null
  readonly decidedAt: Date | null
  readonly decidedBy: string | null
  readonly decisionReason: string | null
}

const columns = `id, account_id::text as account, client_id as "clientId", reason, subject_id as "subjectId", sealed,
  opened_at as "openedAt", opened_by as "openedBy", opened_reason as "openedReason", reference, outcome, decided_at as "decidedAt",
  decided_by as "decidedBy", decision_reason as "decisionReason"`

export async function findCase(db: Db, id: string): Promise<CaseRow | undefined> {
  const [row] = await db.query<CaseRow>(`select ${columns} from review_case where id = $1`, [id])
  return row
}

/** The end of a page: time (to the microsecond) and id of its last row. */
export interface MomentCursor {
  readonly at: string
  readonly id: string
}
export const momentAsText = (moment: string) =>
  `to_char(${moment} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`

/** Open cases, oldest first. */
export function listOpenCases(
  db: Db,
  { clientId, after, limit }: { clientId: string | null; after: MomentCursor | undefined; limit: number },
): Promise<(CaseRow & MomentCursor)[]> {
  return db.query(
    `select ${columns}, ${momentAsText('opened_at')} from review_case
     where outcome is null and ($1::text is null or client_id = $1)
       and ($2::timestamptz is null or (opened_at, id) > ($2::timestamptz, $3::uuid))
     order by opened_at, id limit $4`,
    [clientId, after?.at ?? null, after?.id ?? null, limit],
  )
}

/** Idempotent. @returns the new case's id, undefined when the same case is already open */
export async function openCase(
  db: Db,
  question: {
    readonly account: string
    readonly clientId: string
    readonly reason: string
    readonly subjectId: string | null
    readonly sealed: Buffer | null
    readonly by: string
    /** Free text by an operator. */
    readonly why?: string | undefined
    readonly reference?: string | undefined
  },
): Promise<string | undefined> {
  const [row] = await db.query<{ id: string }>(
    `insert into review_case (account_id, client_id, reason, subject_id, sealed, opened_by, reference, opened_reason)
     values ($1::bigint, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning id`,
    [
      question.account,
      question.clientId,
      question.reason,
      question.subjectId,
      question.sealed,
      question.by,
      question.reference ?? null,
      question.why ?? null,
    ],
  )
  return row?.id
}

/** Decides an open case and deletes its sealed side. @returns false when it was not open */
export async function decideCase(
  db: Db,
  id: string,
  answer: { readonly outcome: string; readonly by: string; readonly reason: string },
): Promise<boolean> {
  const rows = await db.query(
    `update review_case set outcome = $2, decided_at = now(), decided_by = $3, decision_reason = $4, sealed = null
     where id = $1 and outcome is null returning 1`,
    [id, answer.outcome, answer.by, answer.reason],
  )
  return rows.length === 1
}

export type DecidedCase = Pick<CaseRow, 'id' | 'clientId' | 'reason' | 'subjectId'> & {
  readonly outcome: string
}
const decided = `id, client_id as "clientId", reason, subject_id as "subjectId", outcome`

/** Decides all open cases of an account that was linked to a subject: linked for this subject, dismissed for others. */
export function answerCases(
  db: Db,
  account: string,
  { subjectId, by, reason }: { subjectId: string; by: string; reason: string },
): Promise<DecidedCase[]> {
  return db.query<DecidedCase>(
    `update review_case set decided_at = now(), decided_by = $3, decision_reason = $4, sealed = null,
       outcome = case when subject_id is null or subject_id = $2::uuid then 'linked' else 'dismissed' end
     where account_id = $1::bigint and outcome is null returning ${decided}`,
    [account, subjectId, by, reason],
  )
}

/** Ends all open cases of an account that is no longer in use. */
export function retireCases(
  db: Db,
  account: string,
  { by, reason }: { by: string; reason: string },
): Promise<DecidedCase[]> {
  return db.query<DecidedCase>(
    `update review_case set outcome = 'retired', decided_at = now(), decided_by = $2, decision_reason = $3, sealed = null
     where account_id = $1::bigint and outcome is null returning ${decided}`,
    [account, by, reason],
  )
}

/**
 * Reopens a dismissed or retired case; with a retired one, all cases that were retired at the same time.
 * @throws 23505 when the same case was opened again meanwhile
 */
export function reopenCases(
  db: Db,
  id: string,
  { reason }: { reason: string },
): Promise<Omit<DecidedCase, 'outcome'>[]> {
  return db.query<DecidedCase>(
    `update review_case c set outcome = null, decided_at = null, decided_by = null, decision_reason = null,
       opened_reason = $2
     from review_case was
     where was.id = $1 and was.outcome in ('dismissed', 'retired') and (c.id = was.id or was.outcome = 'retired'
       and c.account_id = was.account_id and c.outcome = 'retired' and c.decided_at = was.decided_at)
     returning c.id, c.client_id as "clientId", c.reason, c.subject_id as "subjectId"`,
    [id, reason],
  )
}

/**
 * Moves the open and dismissed cases of a merged subject to the remaining one. If both have the same open case, the
 * merged subject's is dismissed. @returns the dismissed cases
 */
export async function inheritCases(
  db: Db,
  { from, to, by, reason }: { from: string; to: string; by: string; reason: string },
): Promise<(DecidedCase & { readonly account: string })[]> {
  const closed = await db.query<DecidedCase & { readonly account: string }>(
    `update review_case c set outcome = 'dismissed', decided_at = now(), decided_by = $3, decision_reason = $4,
       sealed = null
     where c.subject_id = $1 and c.outcome is null and exists (select from review_case t
       where t.account_id = c.account_id and t.reason = c.reason and t.subject_id = $2 and t.outcome is null)
     returning ${decided}, account_id::text as account`,
    [from, to, by, reason],
  )
  await db.query(
    `update review_case set subject_id = $2
     where subject_id = $1 and (outcome is null or outcome = 'dismissed' and id <> all($3::uuid[]))`,
    [from, to, closed.map(({ id }) => id)],
  )
  return closed
}

/** All cases of an account, newest first, at most 200. */
export function listCases(db: Db, account: string): Promise<CaseRow[]> {
  return db.query<CaseRow>(
    `select ${columns} from review_case where account_id = $1::bigint order by opened_at desc, id limit 200`,
    [account],
  )
}

export async function hasOpenCase(db: Db, account: string): Promise<boolean> {
  const rows = await db.query(
    'select 1 from review_case where account_id = $1::bigint and outcome is null limit 1',
    [account],
  )
  return rows.length > 0
}
