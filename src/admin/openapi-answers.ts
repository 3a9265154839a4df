/** What an operation may answer, as OpenAPI says it: its own answer, and each failure with its codes. */
import { z } from 'zod'
import { type ErrorCode, errorTable } from '../errors.ts'
import type { JsonSchema, Schemas } from './json-schema.ts'
import { type Operation, isWrite, takesKey } from './operation.ts'

const problem = z
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
  .meta({ id: 'Problem', description: 'A failure (RFC 9457).' })

const held = z
  .strictObject({ decision: z.uuid(), expires_at: z.iso.datetime() })
  .meta({ id: 'Waiting', description: 'A decision that another person must approve until then.' })

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

const text = { schema: { type: 'string' } }
const header = (name: string) => ({ $ref: `#/components/headers/${name}` })
export const headers: Readonly<Record<string, JsonSchema>> = {
  'X-Reference': { description: 'Leads to the log and the audit.', required: true, ...text },
  ETag: { description: 'The version that was read, for If-Match and If-None-Match.', ...text },
  Location: { description: 'Where what was made is.', ...text },
  'Idempotency-Replayed': {
    description: 'The request was carried out before, under the same Idempotency-Key; this is its answer.',
    schema: { type: 'string', const: 'true' },
  },
}

/** @param shared takes up the failures, which most operations have alike */
export function describeAnswers(
  row: Operation,
  schemas: Schemas,
  shared: Record<string, JsonSchema>,
): Record<string, JsonSchema> {
  const failures = [...Map.groupBy(codesOf(row), (code) => errorTable[code].status)].map(
    ([status, codes]) => {
      const name = codes.toSorted().join('-')
      shared[name] ??= failure(status, codes, schemas)
      return [status, { $ref: `#/components/responses/${name}` }] as const
    },
  )
  return { ...success(row, schemas), ...Object.fromEntries(failures) }
}

function success(row: Operation, schemas: Schemas): Record<string, JsonSchema> {
  const { answer, produces } = row
  const content = {
    ...(answer && { 'application/json': { schema: schemas.output(answer) } }),
    ...(produces !== undefined && { [produces]: {} }),
  }
  const hasContent = Object.keys(content).length > 0
  const isRead = row.method === 'GET'
  const told = [
    'X-Reference',
    ...(isRead ? ['ETag'] : ['ETag', 'Location']),
    ...(takesKey(row) ? ['Idempotency-Replayed'] : []),
  ]
  const described = {
    description: hasContent ? 'Done.' : 'Done; there is nothing to tell.',
    headers: Object.fromEntries(told.map((name) => [name, header(name)])),
  }
  return {
    [row.status ?? (hasContent ? 200 : 204)]: { ...described, ...(hasContent && { content }) },
    ...(row.twoPersons === true && {
      202: {
        ...described,
        description: 'It waits for a second person: `POST /v1/decisions/{id}/approve`.',
        content: { 'application/json': { schema: schemas.output(held) } },
      },
    }),
    ...(isRead && { 304: { ...described, description: 'It is still the version of If-None-Match.' } }),
  }
}

const failure = (status: number, codes: readonly ErrorCode[], schemas: Schemas): JsonSchema => ({
  description: codes.map((code) => `\`${code}\`: ${errorTable[code].meaning}`).join(' '),
  headers: { 'X-Reference': header('X-Reference') },
  content: {
    'application/problem+json': {
      schema: {
        allOf: [
          schemas.output(problem),
          { properties: { status: { const: status }, code: { enum: codes } } },
        ],
      },
    },
  },
})
