/** The OpenAPI 3.1 document of the admin API, generated from the table of operations and their zod schemas. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
  createDocument,
} from 'zod-openapi'
import { maxDepth } from '../http/input.ts'
import { strongEtag } from './conditional.ts'
import { keyPattern } from './idempotency.ts'
import { type Failures, describeAnswers, problem } from './openapi-answers.ts'
import { type Operation, operation, takesKey, usualBody } from './operation.ts'
import { roles } from '../vocabulary.ts'

/** Adds the operation that serves the OpenAPI document of all operations. */
export function withDescription(rows: readonly Operation[]): readonly Operation[] {
  let made: { document: ReturnType<typeof describeApi>; etag: string } | undefined
  const all: readonly Operation[] = [
    ...rows,
    operation({
      method: 'GET',
      path: '/v1/openapi.json',
      about: 'Returns this OpenAPI document.',
      roles,
      answer: z.looseObject({ openapi: z.string() }),
      handle({ ctx }) {
        if (made === undefined) {
          const document = describeApi(all)
          const digest = createHash('sha256').update(JSON.stringify(document)).digest('base64url')
          made = { document, etag: `"${digest.slice(0, 22)}"` }
        }
        ctx.set('etag', made.etag)
        return Promise.resolve({ ...made.document })
      },
    }),
  ]
  return all
}

export const describeApi = (rows: readonly Operation[]) =>
  createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'VNeID SSO gateway: the admin API',
        version: '1',
        description:
          'For operators. See docs/operate/ for guides, roles and examples, and docs/errors.md for error codes.\n\n' +
          'Rules that hold everywhere: a JSON body is UTF-8, has no NUL character and no half of a surrogate pair, is ' +
          `nested at most ${maxDepth} levels deep, and arrives within 30 seconds. The path and the query have no control ` +
          'characters. A query parameter is sent at most once. Where one person is enough for an operation that says ' +
          '`x-second-person`, it is carried out at once.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      security: [{ operator: [] }],
      paths: describePaths(rows),
      components: {
        schemas: { Problem: problem },
        securitySchemes: {
          operator: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'An assertion that the operator signs for each request: `iss` and `sub` are the operator, `aud` is this ' +
              'API, `exp` is at most two minutes after `iat`, `jti` is new. A person without a key sends the access ' +
              'token of a sign-in at the console.',
          },
        },
      },
    },
    { override: tidy },
  )

/** Drops zod's long patterns where a format says the same, and limits that only mean "a safe integer". */
const tidy: ZodOpenApiOverride = ({ jsonSchema, zodSchema }) => {
  if (zodSchema instanceof z.ZodDate) jsonSchema.format = 'date-time'
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
}

function describePaths(rows: readonly Operation[]): ZodOpenApiPathsObject {
  const failures: Failures = new Map()
  const paths: ZodOpenApiPathsObject = {}
  for (const row of rows) {
    const path = row.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: describe(row, failures) }
  }
  return paths
}

function describe(row: Operation, failures: Failures): ZodOpenApiOperationObject {
  const { method, path, about, query = z.object({}), body, accepts, longest = usualBody } = row
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => [name!, inPath])
  const content = body ? { 'application/json': { schema: body } } : accepts && { [accepts]: {} }
  const size = body && { description: `At most ${longest} bytes.` }
  return {
    operationId: `${method.toLowerCase()}${path.replace('/v1', '').replaceAll(/[/:.]+/g, '-')}`,
    tags: [path.split('/')[2]!],
    summary: about,
    'x-roles': row.roles,
    'x-second-person': row.twoPersons === true,
    requestParams: { path: z.object(Object.fromEntries(names)), query, header: z.object(headersOf(row)) },
    ...(content && { requestBody: { required: true, content, ...size } }),
    responses: describeAnswers(row, failures),
  }
}

const described = (schema: z.ZodType, description: string) => schema.meta({ param: { description } })
// oxlint-disable-next-line no-control-regex
const inPath = z.string().regex(/^[^\u0000-\u001f]+$/)
const key = described(
  z.string().regex(keyPattern).optional(),
  'Chosen by the caller, new for each request. If the same request is sent again with this key within a day, it ' +
    'receives the first answer and is not carried out again.',
)
const ifMatch = described(
  z.string().regex(strongEtag),
  'The ETag of the version that the change is based on.',
)
const ifNoneMatch = described(
  z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
  'The ETag of the version that the caller already has.',
)
const headersOf = (row: Operation) => ({
  ...(takesKey(row) && { 'Idempotency-Key': key }),
  ...(row.conditional === true && { 'If-Match': ifMatch }),
  ...(row.method === 'GET' && { 'If-None-Match': ifNoneMatch }),
})
