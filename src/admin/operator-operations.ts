/** Operators about operators. */
import { z } from 'zod'
import type { Log } from '../log.ts'
import type { Database } from '../store/db.ts'
import { listOperators } from '../store/operators.ts'
import { type Operation, operation } from './operation.ts'
import { barOperator, createOperator, operatorId, publicKey, roleList, roles } from './operators.ts'

export function operatorOperations({ db, log }: { db: Database; log: Log }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/whoami',
      roles,
      handle: ({ operator }) => Promise.resolve(operator),
    }),

    operation({
      method: 'GET',
      path: '/v1/operators',
      roles: ['security_officer', 'auditor'],
      async handle() {
        const operators = (await listOperators(db)).map((row) => ({
          id: row.id,
          roles: row.roles,
          public_key: row.public,
          created_at: row.createdAt,
          created_by: row.createdBy,
          disabled_at: row.disabledAt,
          disabled_by: row.disabledBy,
          disabled_reason: row.disabledReason,
          last_seen_at: row.lastSeenAt,
        }))
        return { operators }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/operators',
      roles: ['security_officer'],
      body: z.strictObject({ id: operatorId, roles: roleList, public_key: publicKey }),
      status: 201,
      async handle({ operator, body: { id, roles: given, public_key: key }, reference }) {
        await createOperator({ db, log, actor: operator.id, reference }, { id, roles: given, key })
        return { id, roles: given }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/operators/:id/disable',
      roles: ['security_officer'],
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
      handle: ({ operator, params, body, reference }) =>
        barOperator({ db, log, actor: operator.id, reference }, { id: params.id, reason: body.reason }),
    }),
  ]
}
