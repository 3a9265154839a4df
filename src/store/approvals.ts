/** Approvals, open and ended. */
import type { Db } from './db.ts'
import { makersOf } from './operators.ts'
import { type MomentCursor, momentAsText } from './reviews.ts'

export interface ApprovalRow {
  readonly id: string
  readonly kind: string
  /** The sealed request; null once the approval has ended. */
  readonly sealed: Buffer | null
  readonly caseId: string | null
  /** Subject and portal that it is about; those of the case if it has one. */
  readonly subjectId: string | null
  readonly clientId: string | null
  /** Free text by the asker. */
  readonly reason: string | null
  readonly evidence: string | null
  readonly askedBy: string
  /** If a machine asked: the operators who created it and set its key, at that time. */
  readonly barred: string[]
  readonly askedAt: Date
  /** Null: it does not expire. */
  readonly expiresAt: Date | null
  readonly isLate: boolean
  readonly outcome: Outcome | null
  readonly endedBy: string | null
  readonly endedAt: Date | null
}
export type Outcome = 'approved' | 'declined' | 'withdrawn' | 'expired'
export type EndedApproval = Pick<ApprovalRow, 'id' | 'kind' | 'subjectId' | 'clientId'> & {
  readonly outcome: Outcome
}

const aboutColumns = `a.id, a.kind, coalesce(a.subject_id, c.subject_id) as "subjectId", c.client_id as "clientId"`
const columns = `${aboutColumns}, a.sealed, a.case_id as "caseId", a.reason, a.evidence, a.asked_by as "askedBy", a.barred,
  a.asked_at as "askedAt", a.expires_at as "expiresAt", coalesce(a.expires_at <= now(), false) as "isLate", a.outcome,
  a.ended_by as "endedBy", a.ended_at as "endedAt"`
const table = 'approval a left join review_case c on c.id = a.case_id'

/** @throws 23505 when the case, or the person whose number changes, already has an open approval */
export async function insertApproval(
  tx: Db,
  approval: {
    readonly id: string
    readonly kind: string
    readonly sealed: Buffer
    readonly caseId?: string | undefined
    /** Subject whose number changes. */
    readonly subjectId?: string | undefined
    readonly reason?: string | undefined
    readonly evidence?: string | undefined
    readonly by: string
    /** Days after which it expires. */
    readonly days?: number | undefined
  },
): Promise<Date | null> {
  const [row] = await tx.query<{ expiresAt: Date | null }>(
    `insert into approval (id, kind, sealed, case_id, subject_id, reason, evidence, asked_by, barred, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, ${makersOf('$8')}, now() + make_interval(days => $9::int))
     returning expires_at as "expiresAt"`,
    [
      approval.id,
      approval.kind,
      approval.sealed,
      approval.caseId ?? null,
      approval.subjectId ?? null,
      approval.reason ?? null,
      approval.evidence ?? null,
      approval.by,
      approval.days ?? null,
    ],
  )
  return row!.expiresAt
}

export async function findApproval(db: Db, id: string): Promise<ApprovalRow | undefined> {
  const [row] = await db.query<ApprovalRow>(`select ${columns} from ${table} where a.id = $1`, [id])
  return row
}

/** Open approvals, oldest first. */
export function listOpenApprovals(
  db: Db,
  { kinds, after, limit }: { kinds: readonly string[]; after: MomentCursor | undefined; limit: number },
): Promise<(ApprovalRow & MomentCursor)[]> {
  return db.query(
    `select ${columns}, ${momentAsText('a.asked_at')} from ${table}
     where a.outcome is null and (a.expires_at is null or a.expires_at > now()) and a.kind = any($1::text[])
       and ($2::timestamptz is null or (a.asked_at, a.id) > ($2::timestamptz, $3::uuid))
     order by a.asked_at, a.id limit $4`,
    [kinds, after?.at ?? null, after?.id ?? null, limit],
  )
}

/** All approvals of a case, newest first. */
export function listApprovalsOfCase(db: Db, caseId: string): Promise<ApprovalRow[]> {
  return db.query<ApprovalRow>(
    `select ${columns} from ${table} where a.case_id = $1 order by a.asked_at desc, a.id limit 100`,
    [caseId],
  )
}

/** @returns false when it was not open, or `by` may not end it in this way: the asker may only withdraw it, others may not */
export async function endApproval(
  tx: Db,
  id: string,
  { outcome, by }: { outcome: 'approved' | 'declined' | 'withdrawn'; by: string },
): Promise<boolean> {
  const rows = await tx.query(
    `update approval set outcome = $2, ended_by = $3, ended_at = now(), sealed = null
     where id = $1 and outcome is null and (expires_at is null or expires_at > now())
       and (asked_by = $3) = ($2 = 'withdrawn') returning 1`,
    [id, outcome, by],
  )
  return rows.length === 1
}

/** Ends the open approvals of a case, an account, or a person's new number. @returns them with their outcomes */
export function endApprovalsOf(
  tx: Db,
  what: { caseId?: string; account?: string; rekeyOf?: string; by: string },
): Promise<EndedApproval[]> {
  return tx.query(
    `with ended as (
       update approval a set outcome = case when asked_by = $4 then 'withdrawn' else 'declined' end, ended_by = $4,
         ended_at = now(), sealed = null
       where a.outcome is null and (a.case_id = $1::uuid
         or a.case_id in (select id from review_case where account_id = $2::bigint) or a.subject_id = $3::uuid)
       returning *)
     select ${aboutColumns}, a.outcome from ended a left join review_case c on c.id = a.case_id`,
    [what.caseId ?? null, what.account ?? null, what.rekeyOf ?? null, what.by],
  )
}

/** Ends the approvals that have expired. */
export function expireApprovals(tx: Db): Promise<EndedApproval[]> {
  return tx.query(
    `with ended as (
       update approval set outcome = 'expired', ended_by = 'system', ended_at = now(), sealed = null
       where outcome is null and expires_at <= now() returning *)
     select ${aboutColumns}, a.outcome from ended a left join review_case c on c.id = a.case_id`,
  )
}
