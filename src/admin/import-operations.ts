import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { classNames } from '../mapping/classes.ts'
import type { ImportLegacy } from '../imports/import.ts'
import { type ImportSummary, reportHeader } from '../imports/run.ts'
import type { Registry } from '../registry/registry.ts'
import type { Db } from '../store/db.ts'
import { type ImportRun, findImport, listImports } from '../store/imports/runs.ts'
import { clientId } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import type { Role } from '../vocabulary.ts'
import { limit, momentCursor, momentCursorOf, pageEnd, pageOf } from './paging.ts'

const readers: readonly Role[] = ['mapping_officer', 'auditor', 'viewer']

const count = z.int()
const runTold = z
  .strictObject({
    id: z.uuid(),
    client: z.string(),
    dry_run: z.boolean(),
    state: z.enum(['reading', 'comparing', 'applying', 'done', 'failed']),
    begun_by: z.string(),
    begun_at: z.iso.datetime(),
    touched_at: z.iso.datetime(),
    rows_read: count,
    rows_done: count,
    /** When it is done. */
    summary: z
      .strictObject({
        rows: count,
        results: z.strictObject({ accepted: count, unchanged: count, changed: count, refused: count }),
        classes: z.partialRecord(z.enum(classNames), count),
      })
      .optional(),
    fault: z.string().optional(),
  })
  .meta({ id: 'Import' })

/** Milliseconds that the reader of a report may stand still. */
const longestPause = 120_000

export function importOperations({
  db,
  registry,
  importLegacy,
}: {
  db: Db
  registry: Registry
  importLegacy: ImportLegacy
}): Operation[] {
  return [
    operation({
      method: 'POST',
      path: '/v1/legacy-imports',
      about:
        'A portal’s accounts, as CSV or NDJSON, also compressed by gzip; answered by the report, line by line.',
      refuses: ['import_invalid'],
      accepts: '*/*',
      produces: 'text/csv',
      roles: ['mapping_officer'],
      query: z.strictObject({
        client: z.string(),
        /** Chosen by who asks, so that the run can be followed while the file is still on its way. */
        id: z.uuid(),
        dry_run: z.enum(['true', 'false']).default('false'),
      }),
      /** Answers with the report in CSV when the file has been imported; a fault is told before that. */
      async handle({ operator, query, request, reference, ctx }) {
        if (registry.policyOf(query.client) === undefined)
          throw new BrokerError('input_invalid', 'client: no portal of that id is registered')
        if ((await findImport(db, query.id)) !== undefined)
          throw new BrokerError('state_conflict', 'id: an import of that id has been begun already')
        const report = new PassThrough()
        report.on('error', () => {})
        // Whoever hangs up when the file is in has imported it all the same: the run ends, unheard.
        if (ctx.res.closed) report.destroy()
        else ctx.res.once('close', () => report.destroy())
        const write = async (text: string) => {
          if (report.destroyed || report.write(text)) return
          await Promise.race([once(report, 'drain'), once(report, 'close')])
        }
        let isTelling = false
        const ended = importLegacy({
          id: query.id,
          clientId: query.client,
          dryRun: query.dry_run === 'true',
          actor: operator.id,
          reference,
          // Left open when the work ends early: the answer goes over the same connection.
          source: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
          async onReport(text) {
            if (!isTelling) {
              isTelling = true
              // A reader who only stands still holds the thread and its connection up.
              ctx.req.socket.setTimeout(longestPause, () => ctx.req.socket.destroy())
              report.emit('telling')
              await write(reportHeader)
            }
            await write(text)
          },
        })
        const telling = once(report, 'telling')
        try {
          // Whichever comes first: the report's first page, a fault, or the end of a file without rows.
          await Promise.race([telling, ended])
        } catch (error) {
          // The rest of the file is let in and dropped, so that its sender gets to read our answer. What still
          // listens is the iterator, which nobody asks any more.
          request.removeAllListeners('readable')
          request.resume()
          throw error
        }
        if (!isTelling) report.write(reportHeader)
        ended.then(
          () => report.end(),
          (error: Error) => report.destroy(error),
        )
        // The connection may carry another import, which is long silent before its report.
        report.once('close', () => ctx.req.socket.setTimeout(0))
        ctx.status = 200
        ctx.type = 'text/csv; charset=utf-8'
        ctx.set('location', `/v1/legacy-imports/${query.id}`)
        ctx.body = report
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/legacy-imports',
      about: 'A portal’s imports, the latest first.',
      roles: readers,
      query: z.strictObject({ client: clientId, after: momentCursor.optional(), limit }),
      answer: z.strictObject({ imports: z.array(runTold), ...pageEnd }),
      async handle({ query: { client, after, limit: longest } }) {
        const listed = await listImports(db, { clientId: client, after, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after: after?.text }, momentCursorOf)
        return { imports: rows.map(told), ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/legacy-imports/:id',
      about: 'How far an import is, and what came of it.',
      roles: readers,
      answer: runTold,
      async handle({ params }) {
        const run = z.uuid().safeParse(params.id).success ? await findImport(db, params.id) : undefined
        if (run === undefined) throw new BrokerError('not_found')
        return told(run)
      },
    }),
  ]
}

const told = (run: ImportRun) => ({
  id: run.id,
  client: run.clientId,
  dry_run: run.dryRun,
  state: run.state,
  begun_by: run.begunBy,
  begun_at: run.begunAt,
  touched_at: run.touchedAt,
  rows_read: run.rowsRead,
  rows_done: run.rowsDone,
  // As the run wrote it.
  ...(run.state === 'done' && { summary: run.summary as unknown as ImportSummary }),
  ...(run.fault !== null && { fault: run.fault }),
})
