/** What waits for a second officer: a decision about a case or a person's number, proposed. */
import type { IdentifierType } from '../citizen-id.ts'
import type { Db } from './db.ts'
import { makersOf } from './operators.ts'
import { type MomentCursor, momentAsText } from './reviews.ts'

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
    `select p.*, ${momentAsText('p."proposedAt"')}, c.client_id as "clientId", c.account_id::text as account, i.type as "oldType", i.sealed as "oldSealed"
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
