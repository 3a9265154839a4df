/** What an operation may answer, as OpenAPI says it: its own answer, and each failure with its codes. */
import { z } from 'zod'
import type { ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi'
import { type ErrorCode, errorTable } from '../errors.ts'
import { waitingTold } from './asking.ts'
import { type Operation, isWrite, takesKey } from './operation.ts'

export const problem = z
  .strictObject({
    type: z.string().meta({ description: 'The section of docs/errors.md that tells of the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
    reference: z.string().meta({ description: 'Leads to the log and the audit.' }),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'What is wrong with the input, by field.' }),
  })
  .meta({ description: 'A failure (RFC 9457).' })

/** Every code that the operation may fail with. */
function codesOf(row: Operation): ErrorCode[] {
  const codes: ErrorCode[] = [
    'input_invalid',
    'unauthenticated',
    'forbidden',
    'too_many_requests',
    'server_error',
    'store_unavailable',
    'overloaded',
  ]
  if (row.path.includes(':')) codes.push('not_found')
  if (row.body !== undefined) codes.push('request_too_large')
  if (isWrite(row)) codes.push('state_conflict')
  if (takesKey(row)) codes.push('idempotency_conflict', 'idempotency_running', 'idempotency_lost')
  if (row.conditional === true) codes.push('precondition_required', 'precondition_failed')
  return [...new Set([...codes, ...(row.refuses ?? [])])]
}

/** @param schema optional unless every answer has the header */
const header = (id: string, description: string, schema: z.ZodType = z.string().optional()) => ({
  [id]: schema.meta({ header: { id, description } }),
})
const reference = header('X-Reference', 'Leads to the log and the audit.', z.string())
const etag = header('ETag', 'The version that was read, for If-Match and If-None-Match.')
const location = header('Location', 'Where what was made is.')
const replayed = header(
  'Idempotency-Replayed',
  'The request was carried out before, under the same Idempotency-Key; this is its answer.',
  z.literal('true').optional(),
)

/** Most operations fail alike: each such answer is described once, under the names of its codes. */
export type Failures = Map<string, ZodOpenApiResponseObject>

export function describeAnswers(row: Operation, failures: Failures): ZodOpenApiResponsesObject {
  const answers = success(row)
  for (const [status, codes] of Map.groupBy(codesOf(row), (code) => errorTable[code].status)) {
    const id = codes.toSorted().join('-')
    const described = failures.get(id) ?? failure(id, status, codes)
    failures.set(id, described)
    answers[`${status}` as '400'] = described
  }
  return answers
}

function success(row: Operation): ZodOpenApiResponsesObject {
  const { answer, produces } = row
  const isRead = row.method === 'GET'
  const headers = z.object({
    ...reference,
    ...etag,
    ...(!isRead && location),
    ...(takesKey(row) && replayed),
  })
  const content = {
    ...(answer && { 'application/json': { schema: answer } }),
    ...(produces !== undefined && { [produces]: {} }),
  }
  const hasContent = Object.keys(content).length > 0
  const done = { description: 'Done.', headers, content }
  const nothing = { description: 'Done; there is nothing to tell.', headers }
  return {
    [`${row.status ?? (hasContent ? 200 : 204)}`]: hasContent ? done : nothing,
    ...(row.twoPersons === true && {
      202: {
        description: 'It waits for a second person: `POST /v1/approvals/{id}/approve`.',
        headers,
        content: { 'application/json': { schema: waitingTold } },
      },
    }),
    ...(isRead && { 304: { description: 'It is still the version of If-None-Match.', headers } }),
  }
}

const failure = (id: string, status: number, codes: readonly ErrorCode[]): ZodOpenApiResponseObject => ({
  id,
  description: codes.map((code) => `\`${code}\`: ${errorTable[code].meaning}`).join(' '),
  headers: z.object(reference),
  content: {
    'application/problem+json': {
      schema: {
        allOf: [
          { $ref: '#/components/schemas/Problem' },
          { properties: { status: { const: status }, code: { enum: [...codes] } } },
        ],
      },
    },
  },
})
