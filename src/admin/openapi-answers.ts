/** The OpenAPI responses of an operation: its answer, and each failure with its codes. */
import { z } from 'zod'
import type { ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi'
import { type ErrorCode, errorTable } from '../errors.ts'
import { waitingAnswer } from './asking.ts'
import { type Operation, isWrite, takesKey } from './operation.ts'

export const problem = z
  .strictObject({
    type: z.string().meta({ description: 'The section of docs/errors.md that describes the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
    reference: z.string().meta({ description: 'Identifies the request in the log and the audit.' }),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'The faults of the input, by field.' }),
  })
  .meta({ description: 'A failure (RFC 9457).' })

/** All error codes of the operation. */
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
const reference = header('X-Reference', 'Identifies the request in the log and the audit.', z.string())
const etag = header('ETag', 'The version of the resource, for If-Match and If-None-Match.')
const location = header('Location', 'The URL of the created resource.')
const replayed = header(
  'Idempotency-Replayed',
  'This is the stored answer of an earlier request with the same Idempotency-Key.',
  z.literal('true').optional(),
)

/** Failure responses that operations share, described once, by the names of their codes. */
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
  const nothing = { description: 'Done. The answer has no body.', headers }
  return {
    [`${row.status ?? (hasContent ? 200 : 204)}`]: hasContent ? done : nothing,
    ...(row.twoPersons === true && {
      202: {
        description: 'Waits for a second person: `POST /v1/approvals/{id}/approve`.',
        headers,
        content: { 'application/json': { schema: waitingAnswer } },
      },
    }),
    ...(isRead && { 304: { description: 'The version is still the one in If-None-Match.', headers } }),
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
