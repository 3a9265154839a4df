/** Operations on approvals: list, approve, decline. */
import { z } from 'zod'
import type { Approvals, Waiting } from '../approvals/approvals.ts'
import type { Kind } from '../approvals/kind.ts'
import { uuidOf } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, momentCursor, momentCursorOf, pageEnd, pageOf } from './paging.ts'
import { roles } from '../vocabulary.ts'

const waiting = z
  .strictObject({
    id: z.uuid(),
    kind: z.string(),
    about: z.string(),
    asks: z.record(z.string(), z.unknown()),
    reason: z.string().nullable(),
    evidence: z.string().nullable(),
    asked_by: z.string(),
    asked_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Approval' })
export type ApprovalAnswer = z.output<typeof waiting>

const present = (row: Waiting) => ({
  id: row.id,
  kind: row.kind,
  about: row.about,
  asks: row.asks,
  reason: row.reason,
  evidence: row.evidence,
  asked_by: row.askedBy,
  asked_at: row.askedAt,
  expires_at: row.expiresAt,
})

export function approvalOperations({ approvals }: { approvals: Approvals }): Operation[] {
  const seenBy =
    (given: readonly string[]) =>
    ({ approvers }: Kind) =>
      given.includes('auditor') || approvers.some((role) => given.includes(role))
  return [
    operation({
      method: 'GET',
      path: '/v1/approvals',
      about: 'Lists the open approvals that the caller may approve or audit, oldest first.',
      roles,
      query: z.strictObject({ after: momentCursor.optional(), limit }),
      answer: z.strictObject({ approvals: z.array(waiting), ...pageEnd }),
      async handle({ operator, query: { after, limit: longest } }) {
        const kinds = approvals.kinds.filter(seenBy(operator.roles))
        const listed = await approvals.list(kinds, { after, limit: longest + 1 })
        const page = pageOf(listed, { limit: longest, after: after?.text }, momentCursorOf)
        return { approvals: page.rows.map(present), ...page.end }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/approvals/:id/approve',
      about:
        'Approves and carries out what was asked for. If it cannot be carried out, the approval stays open.',
      roles,
      refuses: ['case_gone', 'second_person_needed', 'state_conflict', 'not_found'],
      handle: ({ operator, params, reference }) =>
        approvals.approve(uuidOf(params.id), { actor: operator.id, reference }),
    }),

    operation({
      method: 'POST',
      path: '/v1/approvals/:id/decline',
      about: 'Declines an approval; the operator who asked for it withdraws it. Nothing is carried out.',
      roles,
      refuses: ['case_gone'],
      handle: ({ operator, params, reference }) =>
        approvals.decline(uuidOf(params.id), { actor: operator.id, reference }),
    }),
  ]
}
