/** Operations on the progress of the mapping and on refused links. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { day } from '../http/times.ts'
import { progressCsv, shapeProgress } from '../mapping/progress.ts'
import { vietnamDate } from '../vietnam-date.ts'
import type { Database } from '../store/db.ts'
import { listPortals, readProgress, readTrend } from '../store/progress.ts'
import { countRefusals, listRefusals } from '../store/refusals.ts'
import { clientId } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, numberCursor, pageEnd, pageOf } from './paging.ts'
import { progressAnswer } from './progress-output.ts'
import { roles } from '../vocabulary.ts'

const oneDay = 86_400_000
/** Largest span of one trend, in days. */
const mostDays = 1_000

const progressQuery = z.strictObject({
  client: clientId.optional(),
  province: z
    .string()
    .regex(/^(\d{2}|ministry)$/, 'must be a two-digit province code, or `ministry`')
    .optional(),
  from: day.optional(),
  to: day.optional(),
})
const refusalsQuery = z.strictObject({
  client: clientId.optional(),
  after: numberCursor.optional(),
  limit,
})
const refusal = z
  .strictObject({
    at: z.iso.datetime(),
    client: z.string().nullable(),
    subject: z.uuid().nullable(),
    reason: z.string().nullable(),
    population: z.string().nullable(),
    since: z.string().nullable(),
    reference: z.string().nullable(),
  })
  .meta({ id: 'Refusal' })
const refusalCount = z.strictObject({
  client: z.string().nullable(),
  reason: z.string().nullable(),
  n: z.int(),
  first: z.iso.datetime(),
  last: z.iso.datetime(),
})

const refusalsAnswer = z.strictObject({
  refusals: z.array(refusal),
  /** Only on the first page: the counts cover all pages. */
  counts: z.array(refusalCount).optional(),
  ...pageEnd,
})
export type RefusalsPage = z.output<typeof refusalsAnswer>

export function progressOperations({ db }: { db: Database }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/progress',
      about:
        'Returns the progress of the mapping by portal, by province and in total, with a daily trend; also as CSV.',
      roles,
      query: progressQuery,
      answer: progressAnswer,
      produces: 'text/csv',
      async handle({ query: { client, province, ...span }, ctx }) {
        const now = Date.now()
        const { from, to } = spanOf(span, now)
        const filter = { clientId: client, province }
        const [rows, trend, portals] = await Promise.all([
          readProgress(db, filter),
          readTrend(db, { ...filter, from, to }),
          listPortals(db),
        ])
        const report = shapeProgress({ rows, trend, portals }, now)
        ctx.vary('accept')
        if (ctx.accepts('application/json', 'text/csv') !== 'text/csv') return report
        ctx.type = 'text/csv; charset=utf-8'
        ctx.set('content-disposition', `attachment; filename="progress-${vietnamDate(now)}.csv"`)
        ctx.body = progressCsv(report)
        return undefined
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/refusals',
      about: 'Lists refused links with reason and start of the lock, oldest first.',
      roles: ['mapping_officer', 'auditor'],
      query: refusalsQuery,
      answer: refusalsAnswer,
      async handle({ query: { client, after, limit: longest } }) {
        const [listed, counts] = await Promise.all([
          listRefusals(db, { clientId: client, after: after ?? '0', limit: longest + 1 }),
          after === undefined ? countRefusals(db, client) : undefined,
        ])
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ id }) => id)
        return {
          refusals: rows.map((row) => ({
            at: row.at,
            client: row.clientId,
            subject: row.subjectId,
            reason: row.reason,
            population: row.population,
            since: row.since,
            reference: row.reference,
          })),
          ...(counts && {
            counts: counts.map(({ clientId: portal, ...counted }) => ({ client: portal, ...counted })),
          }),
          ...end,
        }
      },
    }),
  ]
}

/** Default: the last 30 days. */
function spanOf({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number) {
  const end = to ?? vietnamDate(now)
  const begin = from ?? new Date(Date.parse(end) - 29 * oneDay).toISOString().slice(0, 10)
  const days = (Date.parse(end) - Date.parse(begin)) / oneDay + 1
  if (days < 1 || days > mostDays)
    throw new BrokerError('input_invalid', `from, to: must span 1 to ${mostDays} days`)
  return { from: begin, to: end }
}
