/** The admin API's description: OpenAPI 3.1, made of the table of operations and of the schemas that validate. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
  createDocument,
} from 'zod-openapi'
import { type Failures, describeAnswers, problem } from './openapi-answers.ts'
import { type Operation, operation, takesKey } from './operation.ts'
import { roles } from '../vocabulary.ts'

/** The table, with one more row that tells of all of them. */
export function withDescription(rows: readonly Operation[]): readonly Operation[] {
  let made: { document: ReturnType<typeof describeApi>; etag: string } | undefined
  const all: readonly Operation[] = [
    ...rows,
    operation({
      method: 'GET',
      path: '/v1/openapi.json',
      about: 'This description, for whoever may ask here at all.',
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
          'For operators. Prose, roles and examples are in docs/operate/, codes in docs/errors.md.',
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
              'An assertion that the operator signs for this one request: `iss` and `sub` the operator, `aud` this ' +
              'API, `iat`, `exp` at most two minutes later, a new `jti`. Of a person without a key: the access token ' +
              'of a sign-in at the console.',
          },
        },
      },
    },
    { override: tidy },
  )

/** Leaves out zod's long pattern where the format says the same, and limits that only say "a safe integer". */
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
  const { method, path, about, query = z.object({}), body, accepts } = row
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => [name!, z.string().min(1)])
  const content = body ? { 'application/json': { schema: body } } : accepts && { [accepts]: {} }
  return {
    operationId: `${method.toLowerCase()}${path.replace('/v1', '').replaceAll(/[/:.]+/g, '-')}`,
    tags: [path.split('/')[2]!],
    summary: about,
    'x-roles': row.roles,
    'x-second-person': row.twoPersons === true,
    requestParams: { path: z.object(Object.fromEntries(names)), query, header: z.object(headersOf(row)) },
    ...(content && { requestBody: { required: true, content } }),
    responses: describeAnswers(row, failures),
  }
}

const told = (schema: z.ZodType, description: string) => schema.meta({ param: { description } })
const key = told(
  z
    .string()
    .min(16)
    .max(128)
    .regex(/^[\w.:-]+$/)
    .optional(),
  'Chosen by the caller, new for each request. The same request sent again under it within a day is answered as the ' +
    'first was, and not carried out twice.',
)
const ifMatch = told(z.string(), 'The ETag of the version that was read.')
const ifNoneMatch = told(z.string().optional(), 'An ETag that was read before.')
const headersOf = (row: Operation) => ({
  ...(takesKey(row) && { 'Idempotency-Key': key }),
  ...(row.conditional === true && { 'If-Match': ifMatch }),
  ...(row.method === 'GET' && { 'If-None-Match': ifNoneMatch }),
})
