/** How the admin API shows cases, links and approvals. */
import { z } from 'zod'
import type { LinkHistoryRow } from '../store/accounts.ts'
import type { ApprovalRow } from '../store/approvals.ts'
import type { CaseRow } from '../store/reviews.ts'

const instant = z.iso.datetime()

export const reviewAnswer = z
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

export const presentCase = (row: CaseRow) => ({
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

export const linkAnswer = z
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

export const presentLink = (row: LinkHistoryRow) => ({
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

export const approvalAnswer = z
  .strictObject({
    id: z.uuid(),
    kind: z.string(),
    evidence: z.string().nullable(),
    reason: z.string().nullable(),
    asked_by: z.string(),
    asked_at: instant,
    outcome: z.enum(['approved', 'declined', 'withdrawn', 'expired']).nullable(),
    ended_by: z.string().nullable(),
    ended_at: instant.nullable(),
  })
  .meta({ id: 'ApprovalOfCase' })

export const presentApproval = (row: ApprovalRow) => ({
  id: row.id,
  kind: row.kind,
  evidence: row.evidence,
  reason: row.reason,
  asked_by: row.askedBy,
  asked_at: row.askedAt,
  outcome: row.outcome,
  ended_by: row.endedBy,
  ended_at: row.endedAt,
})
