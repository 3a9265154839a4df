/** Operations on operators. Admitting an operator or extending their rights needs two persons. */
import { z } from 'zod'
import type { Approvals } from '../approvals/approvals.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database } from '../store/db.ts'
import { listOperatorChanges } from '../store/operator-changes.ts'
import { findOperator, listOperators } from '../store/operators.ts'
import { asking } from './asking.ts'
import { type Operation, operation } from './operation.ts'
import { type OperatorKinds, changed, created, newKey, readmitted, reason } from './operator-kinds.ts'
import { limit, numberCursor, pageEnd, pageOf } from './paging.ts'
import { operatorId } from '../operators/operator.ts'
import { barOperator } from '../operators/operators.ts'
import { operatorKinds, roles } from '../vocabulary.ts'

const kind = z.enum(operatorKinds)
const moment = z.iso.datetime()
const operatorAnswer = z.object({
  id: operatorId,
  kind,
  roles: z.array(z.enum(roles)),
  public_key: z.record(z.string(), z.unknown()).nullable(),
  created_at: moment,
  created_by: z.string(),
  disabled_at: moment.nullable(),
  disabled_by: z.string().nullable(),
  disabled_reason: z.string().nullable(),
  last_seen_at: moment.nullable(),
})

const change = z.object({
  at: moment,
  action: z.string(),
  actor: z.string(),
  asked_by: z.string().nullable(),
  reason: z.string().nullable(),
  roles: z.array(z.string()).nullable(),
})

export function operatorOperations({
  db,
  log,
  approvals,
  kinds,
}: {
  db: Database
  log: Log
  approvals: Approvals
  kinds: OperatorKinds
}): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/whoami',
      about: 'Returns the caller’s id, kind and roles.',
      roles,
      answer: z.object({ id: operatorId, kind, roles: z.array(z.enum(roles)) }),
      handle: ({ operator }) => Promise.resolve(operator),
    }),

    operation({
      method: 'GET',
      path: '/v1/operators',
      about: 'Lists all operators, enabled and disabled.',
      roles: ['security_officer', 'auditor'],
      query: z.strictObject({ after: z.string().max(64).optional(), limit }),
      answer: z.object({ operators: z.array(operatorAnswer), ...pageEnd }),
      async handle({ query: { after, limit: longest } }) {
        const listed = await listOperators(db, { after, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ id }) => id)
        const operators = rows.map((row) => ({
          id: row.id,
          kind: row.kind,
          roles: row.roles as (typeof roles)[number][],
          public_key: row.public as Record<string, unknown> | null,
          created_at: row.createdAt,
          created_by: row.createdBy,
          disabled_at: row.disabledAt,
          disabled_by: row.disabledBy,
          disabled_reason: row.disabledReason,
          last_seen_at: row.lastSeenAt,
        }))
        return { operators, ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/operators/:id/history',
      about: 'Lists the changes of an operator, with actor and reason, oldest first.',
      roles: ['security_officer', 'auditor'],
      query: z.strictObject({
        after: numberCursor.optional(),
        limit,
      }),
      answer: z.object({ changes: z.array(change), ...pageEnd }),
      async handle({ params, query: { after, limit: longest } }) {
        if ((await findOperator(db, params.id)) === undefined)
          throw new BrokerError('not_found', 'there is no operator with this id')
        const of = { operatorId: params.id, after: after ?? '0', limit: longest + 1 }
        const page = { limit: longest, after }
        const { rows, end } = pageOf(await listOperatorChanges(db, of), page, ({ id }) => id)
        const changes = rows.map(({ at, action, actor, askedBy, reason: why, roles: given }) => ({
          at,
          action,
          actor,
          asked_by: askedBy,
          reason: why,
          roles: given,
        }))
        return { changes, ...end }
      },
    }),

    asking(approvals, kinds.create, {
      method: 'POST',
      path: '/v1/operators',
      body: created,
      status: 201,
      answer: z.object({ id: operatorId, kind, roles: z.array(z.enum(roles)) }),
      asked: ({ body }) => body,
    }),
    asking(approvals, kinds.change, {
      method: 'PATCH',
      path: '/v1/operators/:id',
      body: changed,
      asked: ({ params, body }) => ({ id: params.id, body }),
    }),
    asking(approvals, kinds.key, {
      method: 'PUT',
      path: '/v1/operators/:id/key',
      body: newKey,
      asked: ({ params, body }) => ({ id: params.id, body }),
    }),
    asking(approvals, kinds.enable, {
      method: 'POST',
      path: '/v1/operators/:id/enable',
      body: readmitted,
      asked: ({ params, body }) => ({ id: params.id, body }),
    }),

    operation({
      method: 'POST',
      path: '/v1/operators/:id/disable',
      about: 'Disables an operator at once. One person is enough, because it may be urgent.',
      roles: ['security_officer'],
      body: z.strictObject({ reason }),
      handle: ({ operator, params, body, reference }) =>
        barOperator({ db, log, actor: operator.id, reference }, { id: params.id, reason: body.reason }),
    }),
  ]
}
