/** How far the mapping is, and whom the lock refused. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { progressCsv, shapeProgress } from '../mapping/progress.ts'
import { vietnamDate } from '../mapping/lock.ts'
import type { Database } from '../store/db.ts'
import { listPortals, readProgress, readTrend } from '../store/progress.ts'
import { countRefusals, listRefusals } from '../store/refusals.ts'
import { clientId } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { roles } from './operators.ts'

const oneDay = 86_400_000
/** Of one trend. */
const mostDays = 1_000
const day = z.iso.date('must be a day such as 2026-03-31')

const progressQuery = z.strictObject({
  client: clientId.optional(),
  province: z
    .string()
    .regex(/^(\d{2}|ministry)$/, 'must be a code of two digits, or ministry')
    .optional(),
  from: day.optional(),
  to: day.optional(),
})
const refusalsQuery = z.strictObject({
  client: clientId.optional(),
  after: z
    .string()
    .regex(/^\d{1,18}$/, 'is no cursor')
    .optional(),
  limit: z
    .string()
    .regex(/^([1-9]\d{0,2}|1000)$/, 'must be 1 to 1000')
    .default('100')
    .transform(Number),
})

export function progressOperations({ db }: { db: Database }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/progress',
      roles,
      query: progressQuery,
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
      roles: ['mapping_officer', 'auditor'],
      query: refusalsQuery,
      async handle({ query: { client, after, limit } }) {
        const [rows, counts] = await Promise.all([
          listRefusals(db, { clientId: client, after: after ?? '0', limit: limit + 1 }),
          // They tell of all pages: once is enough.
          after === undefined ? countRefusals(db, client) : undefined,
        ])
        const told = rows.slice(0, limit)
        return {
          refusals: told.map((row) => ({
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
          next: told.at(-1)?.id ?? after ?? '0',
          more: rows.length > limit,
        }
      },
    }),
  ]
}

/** The last thirty days, unless asked otherwise. */
function spanOf({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number) {
  const end = to ?? vietnamDate(now)
  const begin = from ?? new Date(Date.parse(end) - 29 * oneDay).toISOString().slice(0, 10)
  const days = (Date.parse(end) - Date.parse(begin)) / oneDay + 1
  if (days < 1 || days > mostDays)
    throw new BrokerError('input_invalid', `from, to: must span 1 to ${mostDays} days`)
  return { from: begin, to: end }
}
