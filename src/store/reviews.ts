import type { IdentifierType } from '../citizen-id.ts'
import type { Db } from './db.ts'
import { makersOf } from './operators.ts'

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

/** Where a page ends: the moment, to the microsecond, and the id of its last row. */
export interface MomentCursor {
  readonly at: string
  readonly id: string
}
const asText = (moment: string) =>
  `to_char(${moment} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`

/** Open cases, the oldest first. */
export function listOpenCases(
  db: Db,
  { clientId, after, limit }: { clientId: string | null; after: MomentCursor | undefined; limit: number },
): Promise<(CaseRow & MomentCursor)[]> {
  return db.query(
    `select ${columns}, ${asText('opened_at')} from review_case
     where outcome is null and ($1::text is null or client_id = $1)
       and ($2::timestamptz is null or (opened_at, id) > ($2::timestamptz, $3::uuid))
     order by opened_at, id limit $4`,
    [clientId, after?.at ?? null, after?.id ?? null, limit],
  )
}

/** Idempotent: the same open question is asked once. @returns its id, or undefined when it was open already */
export async function openCase(
  db: Db,
  question: {
    readonly account: string
    readonly clientId: string
    readonly reason: string
    readonly subjectId: string | null
    readonly sealed: Buffer | null
    readonly by: string
    /** An operator's own words. */
    readonly why?: string
    readonly reference?: string
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

/** Decides an open case; what it held of the other side is gone with that. @returns whether it was still open */
export async function decideCase(
  db: Db,
  id: string,
  decision: { readonly outcome: string; readonly by: string; readonly reason: string },
): Promise<boolean> {
  const rows = await db.query(
    `update review_case set outcome = $2, decided_at = now(), decided_by = $3, decision_reason = $4, sealed = null
     where id = $1 and outcome is null returning 1`,
    [id, decision.outcome, decision.by, decision.reason],
  )
  return rows.length === 1
}

export type DecidedCase = Pick<CaseRow, 'id' | 'clientId' | 'reason' | 'subjectId'> & {
  readonly outcome: string
}
const decided = `id, client_id as "clientId", reason, subject_id as "subjectId", outcome`

/** The account is one subject's now: every open question about it is answered, for or against. */
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

/** The account is in use no more: nothing is left to ask about it. */
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
 * Takes a decision back: the question is open again, and with a retired one all that were retired in one go.
 * @throws 23505 when the same question was asked anew meanwhile
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
 * What was asked or denied of a subject that turned out to be another's holds for that other. Where the same is
 * asked of both, one question is enough. @returns the questions that are closed by that
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
    `with moved as (
       update review_case set subject_id = $2
       where subject_id = $1 and (outcome is null or outcome = 'dismissed' and id <> all($3::uuid[])) returning id)
     update proposal set subject_id = $2 from moved where case_id = moved.id and kind = 'link' and decision is null`,
    [from, to, closed.map(({ id }) => id)],
  )
  return closed
}

/** Every question that was ever asked about the account, the newest first. */
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

interface ProposalColumns {
  readonly id: string
  readonly caseId: string | null
  readonly sealed: Buffer | null
  readonly evidence: string
  readonly reason: string
  readonly proposedBy: string
  /** Of a machine: who had made it and its key when it proposed. */
  readonly barred: string[]
  readonly proposedAt: Date
  readonly decision: 'approved' | 'rejected' | 'withdrawn' | null
  readonly decidedBy: string | null
  readonly decidedAt: Date | null
}
/** `accept` takes a row with another number, whoever's; the others are about a person. */
export type ProposalRow = ProposalColumns &
  (
    | { readonly kind: 'link' | 'rekey'; readonly subjectId: string }
    | { readonly kind: 'accept'; readonly subjectId: null }
  )

const proposalColumns = `id, kind, case_id as "caseId", subject_id as "subjectId", sealed, evidence, reason,
  proposed_by as "proposedBy", barred, proposed_at as "proposedAt", decision, decided_by as "decidedBy",
  decided_at as "decidedAt"`

/** @throws 23505 when the case or the person has an open proposal already */
export async function insertProposal(
  db: Db,
  proposal: Pick<
    ProposalRow,
    'kind' | 'caseId' | 'subjectId' | 'sealed' | 'evidence' | 'reason' | 'proposedBy'
  >,
): Promise<string> {
  const [row] = await db.query<{ id: string }>(
    `insert into proposal (kind, case_id, subject_id, sealed, evidence, reason, proposed_by, barred)
     values ($1, $2, $3, $4, $5, $6, $7, ${makersOf('$7')}) returning id`,
    [
      proposal.kind,
      proposal.caseId,
      proposal.subjectId,
      proposal.sealed,
      proposal.evidence,
      proposal.reason,
      proposal.proposedBy,
    ],
  )
  return row!.id
}

export async function findProposal(db: Db, id: string): Promise<ProposalRow | undefined> {
  const [row] = await db.query<ProposalRow>(`select ${proposalColumns} from proposal where id = $1`, [id])
  return row
}

/** An open proposal beside what it is about: the account's case, or the person's number as it lies sealed. */
export type OpenProposal = ProposalRow & {
  readonly clientId: string | null
  readonly account: string | null
  readonly oldType: IdentifierType | null
  readonly oldSealed: Buffer | null
}

/** The oldest first. */
export function listOpenProposals(
  db: Db,
  { after, limit }: { after: MomentCursor | undefined; limit: number },
): Promise<(OpenProposal & MomentCursor)[]> {
  return db.query(
    `select p.*, ${asText('p."proposedAt"')}, c.client_id as "clientId", c.account_id::text as account, i.type as "oldType", i.sealed as "oldSealed"
     from (select ${proposalColumns} from proposal where decision is null
       and ($1::timestamptz is null or (proposed_at, id) > ($1::timestamptz, $2::uuid))
       order by proposed_at, id limit $3) p
       left join review_case c on c.id = p."caseId"
       left join identifier i on p.kind = 'rekey' and i.subject_id = p."subjectId" and i.valid_to is null
     order by p."proposedAt", p.id`,
    [after?.at ?? null, after?.id ?? null, limit],
  )
}

/** All that were ever made for a case, the newest first. */
export function listProposals(db: Db, caseId: string): Promise<ProposalRow[]> {
  return db.query<ProposalRow>(
    `select ${proposalColumns} from proposal where case_id = $1 order by proposed_at desc, id limit 100`,
    [caseId],
  )
}

/** @returns whether it was still open and may be decided so: nobody approves his own, only he withdraws it */
export async function decideProposal(
  db: Db,
  id: string,
  { decision, by }: { decision: 'approved' | 'rejected' | 'withdrawn'; by: string },
): Promise<boolean> {
  const rows = await db.query(
    `update proposal set decision = $2, decided_by = $3, decided_at = now(), sealed = null
     where id = $1 and decision is null and (proposed_by = $3) = ($2 = 'withdrawn') returning 1`,
    [id, decision, by],
  )
  return rows.length === 1
}

/** Ends the open proposals of a case, of an account, or for a person's new number. @returns how each ended */
export function withdrawProposals(
  db: Db,
  what: { caseId?: string; account?: string; rekeyOf?: string; by: string },
): Promise<{ id: string; kind: string; subjectId: string | null; decision: string }[]> {
  return db.query(
    `update proposal p set decision = case when proposed_by = $4 then 'withdrawn' else 'rejected' end, decided_by = $4,
       decided_at = now(), sealed = null
     where p.decision is null and (p.case_id = $1::uuid
       or p.case_id in (select id from review_case where account_id = $2::bigint)
       or p.kind = 'rekey' and p.subject_id = $3::uuid)
     returning id, kind, subject_id as "subjectId", decision`,
    [what.caseId ?? null, what.account ?? null, what.rekeyOf ?? null, what.by],
  )
}
