/** Cases, links and proposals as the admin API tells them. */
import { z } from 'zod'
import type { LinkHistoryRow } from '../store/accounts.ts'
import type { ProposalRow } from '../store/proposals.ts'
import type { CaseRow } from '../store/reviews.ts'

const instant = z.iso.datetime()

export const reviewTold = z
  .strictObject({
    id: z.uuid(),
    client: z.string(),
    account: z.string(),
    reason: z.string(),
    subject: z.uuid().nullable(),
    opened_at: instant,
    opened_by: z.string(),
    opened_reason: z.string().nullable(),
    reference: z.string().nullable(),
    outcome: z.string().nullable(),
    decided_at: instant.nullable(),
    decided_by: z.string().nullable(),
    decision_reason: z.string().nullable(),
  })
  .meta({ id: 'Review' })

export const tellCase = (row: CaseRow) => ({
  id: row.id,
  client: row.clientId,
  account: row.account,
  reason: row.reason,
  subject: row.subjectId,
  opened_at: row.openedAt,
  opened_by: row.openedBy,
  opened_reason: row.openedReason,
  reference: row.reference,
  outcome: row.outcome,
  decided_at: row.decidedAt,
  decided_by: row.decidedBy,
  decision_reason: row.decisionReason,
})

export const linkTold = z
  .strictObject({
    id: z.uuid(),
    subject: z.uuid(),
    method: z.string(),
    evidence: z.record(z.string(), z.unknown()),
    linked_at: instant,
    linked_by: z.string(),
    unlinked_at: instant.nullable(),
    unlinked_by: z.string().nullable(),
    unlink_reason: z.string().nullable(),
  })
  .meta({ id: 'Link' })

export const tellLink = (row: LinkHistoryRow) => ({
  id: row.id,
  subject: row.subjectId,
  method: row.method,
  evidence: row.evidence,
  linked_at: row.linkedAt,
  linked_by: row.linkedBy,
  unlinked_at: row.unlinkedAt,
  unlinked_by: row.unlinkedBy,
  unlink_reason: row.unlinkReason,
})

export const proposalTold = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(['link', 'rekey', 'accept']),
    case: z.uuid().nullable(),
    subject: z.uuid().nullable(),
    evidence: z.string(),
    reason: z.string(),
    proposed_by: z.string(),
    proposed_at: instant,
    decision: z.enum(['approved', 'rejected', 'withdrawn']).nullable(),
    decided_by: z.string().nullable(),
    decided_at: instant.nullable(),
  })
  .meta({ id: 'Proposal' })

export const tellProposal = (row: ProposalRow) => ({
  id: row.id,
  kind: row.kind,
  case: row.caseId,
  subject: row.subjectId,
  evidence: row.evidence,
  reason: row.reason,
  proposed_by: row.proposedBy,
  proposed_at: row.proposedAt,
  decision: row.decision,
  decided_by: row.decidedBy,
  decided_at: row.decidedAt,
})
