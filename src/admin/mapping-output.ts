/** Cases, links and proposals as the admin API tells them. */
import type { LinkHistoryRow } from '../store/accounts.ts'
import type { CaseRow, ProposalRow } from '../store/reviews.ts'

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
