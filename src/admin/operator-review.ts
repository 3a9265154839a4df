/** The access review: twice a year a person checks every operator's roles and activity. */
import { z } from 'zod'
import { moment as givenMoment } from '../http/times.ts'
import { audited, record } from '../recording.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { operatorReviewDue } from '../telemetry/metrics.ts'
import { countOperatorEvents, findReviewPeriod, insertReview } from '../store/operator-reviews.ts'
import type { Database, Db } from '../store/db.ts'
import { listOperators } from '../store/operators.ts'
import { type Operation, operation } from './operation.ts'
import { operatorId } from '../operators/operator.ts'
import { roles, operatorKinds } from '../vocabulary.ts'

const moment = z.iso.datetime()
const reviewed = z.object({
  id: operatorId,
  kind: z.enum(operatorKinds),
  roles: z.array(z.enum(roles)),
  created_at: moment,
  created_by: z.string(),
  last_seen_at: moment.nullable(),
  key_since: moment.nullable(),
  disabled_at: moment.nullable(),
  disabled_reason: z.string().nullable(),
  did: z
    .record(z.string(), z.int())
    .meta({ description: 'Audit events since the last review, counted by name.' }),
})

export function operatorReviewOperations({ db, log }: { db: Database; log: Log }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/operator-review',
      about:
        'Returns every operator with their activity since the last review. Send its `read_at` to confirm the review.',
      roles: ['security_officer', 'auditor'],
      answer: z.object({
        since: moment.nullable(),
        read_at: moment,
        due_at: moment.nullable(),
        is_overdue: z.boolean(),
        operators: z.array(reviewed),
      }),
      async handle({ operator, reference }) {
        const { since, dueAt, now } = await findReviewPeriod(db)
        const [operators, acts] = await Promise.all([
          listOperators(db),
          countOperatorEvents(db, { since, until: now }),
        ])
        const detail = { read_at: now.toISOString() }
        await record({ db, log }, [{ event: 'operator.review_read', actor: operator.id, reference, detail }])
        return {
          since,
          read_at: now,
          due_at: dueAt,
          is_overdue: dueAt !== null && dueAt < now,
          operators: operators.map((row) => ({
            id: row.id,
            kind: row.kind,
            roles: row.roles as (typeof roles)[number][],
            created_at: row.createdAt,
            created_by: row.createdBy,
            last_seen_at: row.lastSeenAt,
            key_since: row.public === null ? null : (row.keyChangedAt ?? row.createdAt),
            disabled_at: row.disabledAt,
            disabled_reason: row.disabledReason,
            did: Object.fromEntries(
              acts.filter(({ actor }) => actor === row.id).map(({ event, n }) => [event, n]),
            ),
          })),
        }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/operator-reviews',
      about: 'Confirms that the review report with this `read_at` was checked.',
      roles: ['security_officer'],
      body: z.strictObject({ read_at: givenMoment }),
      handle: ({ operator, body, reference }) =>
        audited({ db, log }, async (tx, note) => {
          if (operator.kind !== 'person')
            throw new BrokerError('forbidden', 'only a person may confirm a review')
          if (!(await insertReview(tx, { readAt: body.read_at, by: operator.id })))
            throw new BrokerError(
              'state_conflict',
              'read_at: no report was read at this time, or a later report is already confirmed',
            )
          const detail = { read_at: body.read_at.toISOString() }
          note({ event: 'operator.review_confirmed', actor: operator.id, reference, detail })
        }),
    }),
  ]
}

/** Sets the metric of the due date, and logs a warning when the review is overdue. */
export async function watchReview({ db, log }: { db: Db; log: Log }): Promise<void> {
  const { dueAt, now } = await findReviewPeriod(db)
  operatorReviewDue.set(dueAt === null ? 0 : dueAt.getTime() / 1000)
  if (dueAt !== null && dueAt < now) log.warn({ event: 'operators.review_overdue', due: dueAt })
}
