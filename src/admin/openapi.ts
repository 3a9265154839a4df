/** The admin API's description: OpenAPI 3.1, made of the table of operations and of the schemas that validate. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type JsonSchema, type Schemas, collectSchemas } from './json-schema.ts'
import { describeAnswers, headers } from './openapi-answers.ts'
import { type Operation, operation, takesKey } from './operation.ts'
import { roles } from './operators.ts'

/** The table, with one more row that tells of all of them. */
export function withDescription(rows: readonly Operation[]): readonly Operation[] {
  let made: { document: z.output<typeof anyDocument>; etag: string } | undefined
  const all: readonly Operation[] = [
    ...rows,
    operation({
      method: 'GET',
      path: '/v1/openapi.json',
      about: 'This description, for whoever may ask here at all.',
      roles,
      answer: anyDocument,
      handle({ ctx }) {
        if (made === undefined) {
          const document = describeApi(all)
          const digest = createHash('sha256').update(JSON.stringify(document)).digest('base64url')
          made = { document, etag: `"${digest.slice(0, 22)}"` }
        }
        ctx.set('etag', made.etag)
        return Promise.resolve(made.document)
      },
    }),
  ]
  return all
}
const anyDocument = z.looseObject({ openapi: z.literal('3.1.1'), paths: z.record(z.string(), z.unknown()) })

export function describeApi(rows: readonly Operation[]) {
  const schemas = collectSchemas()
  const responses: Record<string, JsonSchema> = {}
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const row of rows) {
    const path = row.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: describe(row, schemas, responses) }
  }
  return {
    openapi: '3.1.1' as const,
    info: {
      title: 'VNeID SSO gateway: the admin API',
      version: '1',
      description:
        'For operators. Prose, roles and examples are in docs/operate.md, codes in docs/errors.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ operator: [] }],
    paths,
    components: {
      schemas: schemas.components,
      responses,
      headers,
      securitySchemes: {
        operator: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'An assertion that the operator signs for this one request: `iss` and `sub` the operator, `aud` this ' +
            'API, `iat`, `exp` at most two minutes later, a new `jti`. Of a person without a key: the access token of ' +
            'a sign-in at the console.',
        },
      },
    },
  }
}

function describe(row: Operation, schemas: Schemas, responses: Record<string, JsonSchema>): JsonSchema {
  const { about, body, accepts } = row
  const content = body
    ? { 'application/json': { schema: schemas.input(body) } }
    : accepts !== undefined && { [accepts]: {} }
  return {
    operationId: `${row.method.toLowerCase()}${row.path.replace('/v1', '').replaceAll(/[/:.]+/g, '-')}`,
    tags: [row.path.split('/')[2]],
    summary: about,
    'x-roles': row.roles,
    'x-second-person': row.twoPersons === true,
    parameters: [...inPath(row), ...inQuery(row, schemas), ...inHeaders(row)],
    ...(content && { requestBody: { required: true, content } }),
    responses: describeAnswers(row, schemas, responses),
  }
}

const inPath = ({ path }: Operation) =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }))

function inQuery({ query }: Operation, schemas: Schemas) {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemas.input(query) as {
    properties?: Record<string, JsonSchema>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

const inHeader = (name: string, required: boolean, description: string, schema: JsonSchema = {}) => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string', ...schema },
})
const inHeaders = (row: Operation) => [
  ...(takesKey(row)
    ? [
        inHeader(
          'Idempotency-Key',
          false,
          'Chosen by the caller, new for each request. The same request sent again under it within a day is ' +
            'answered as the first was, and not carried out twice.',
          { minLength: 16, maxLength: 128, pattern: '^[\\w.:-]+$' },
        ),
      ]
    : []),
  ...(row.conditional === true ? [inHeader('If-Match', true, 'The ETag of the version that was read.')] : []),
  ...(row.method === 'GET' ? [inHeader('If-None-Match', false, 'An ETag that was read before.')] : []),
]
