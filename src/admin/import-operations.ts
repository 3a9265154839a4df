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
const runAnswer = z
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
    /** Present when the state is `done`. */
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

/** Milliseconds without progress after which the connection of a report's reader is closed. */
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
        'Imports a portal’s accounts from CSV or NDJSON, optionally gzip-compressed. Returns a report by line.',
      refuses: ['import_invalid'],
      accepts: '*/*',
      produces: 'text/csv',
      roles: ['mapping_officer'],
      query: z.strictObject({
        client: clientId,
        /** Chosen by the caller, so that the run can be followed while the file is still being sent. */
        id: z.uuid(),
        dry_run: z.enum(['true', 'false']).default('false'),
      }),
      /** Sends the report as CSV once the import produces rows; a fault before that becomes an error answer. */
      async handle({ operator, query, request, reference, ctx }) {
        if (registry.policyOf(query.client) === undefined)
          throw new BrokerError('input_invalid', 'client: no portal with this id is registered')
        if ((await findImport(db, query.id)) !== undefined)
          throw new BrokerError('state_conflict', 'id: an import with this id exists already')
        const report = new PassThrough()
        report.on('error', () => {})
        // If the caller disconnects after sending the file, the import still completes; its report is discarded.
        if (ctx.res.closed) report.destroy()
        else ctx.res.once('close', () => report.destroy())
        const write = async (text: string) => {
          if (report.destroyed || report.write(text)) return
          await Promise.race([once(report, 'drain'), once(report, 'close')])
        }
        let isReporting = false
        const ended = importLegacy({
          id: query.id,
          clientId: query.client,
          dryRun: query.dry_run === 'true',
          actor: operator.id,
          reference,
          // Not destroyed when the import ends early: the answer uses the same connection.
          source: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
          async onReport(text) {
            if (!isReporting) {
              isReporting = true
              // A reader that stops reading would block the worker thread and its database connection.
              ctx.req.socket.setTimeout(longestPause, () => ctx.req.socket.destroy())
              report.emit('reporting')
              await write(reportHeader)
            }
            await write(text)
          },
        })
        const reporting = once(report, 'reporting')
        try {
          // Waits for the first of: the report's first page, a fault, the end of a file without rows.
          await Promise.race([reporting, ended])
        } catch (error) {
          // Reads and discards the rest of the file, so that the sender gets to read our answer. The remaining
          // listener belongs to the iterator, which is no longer read.
          request.removeAllListeners('readable')
          request.resume()
          throw error
        }
        if (!isReporting) report.write(reportHeader)
        ended.then(
          () => report.end(),
          (error: Error) => report.destroy(error),
        )
        // A next import on the same connection may be silent for long before its report starts.
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
      about: 'Lists a portal’s imports, newest first.',
      roles: readers,
      query: z.strictObject({ client: clientId, after: momentCursor.optional(), limit }),
      answer: z.strictObject({ imports: z.array(runAnswer), ...pageEnd }),
      async handle({ query: { client, after, limit: longest } }) {
        const listed = await listImports(db, { clientId: client, after, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after: after?.text }, momentCursorOf)
        return { imports: rows.map(presentRun), ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/legacy-imports/:id',
      about: 'Returns the progress and the result of an import.',
      roles: readers,
      answer: runAnswer,
      async handle({ params }) {
        const run = z.uuid().safeParse(params.id).success ? await findImport(db, params.id) : undefined
        if (run === undefined) throw new BrokerError('not_found')
        return presentRun(run)
      },
    }),
  ]
}

const presentRun = (run: ImportRun) => ({
  id: run.id,
  client: run.clientId,
  dry_run: run.dryRun,
  state: run.state,
  begun_by: run.begunBy,
  begun_at: run.begunAt,
  touched_at: run.touchedAt,
  rows_read: run.rowsRead,
  rows_done: run.rowsDone,
  // `imports/run.ts` wrote it in this shape.
  ...(run.state === 'done' && { summary: run.summary as unknown as ImportSummary }),
  ...(run.fault !== null && { fault: run.fault }),
})
