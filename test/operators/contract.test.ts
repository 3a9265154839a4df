import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, nameOf, operation } from '../../src/admin/operation.ts'
import { roles } from '../../src/vocabulary.ts'
import { errorTable } from '../../src/errors.ts'
import { knownOperator, sender } from '../support/operators/admin-server.ts'
import { createContract } from '../support/operators/contract.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

interface Described {
  readonly operationId: string
  readonly summary: string
  readonly 'x-roles': readonly string[]
  readonly parameters: readonly { readonly name: string; readonly required: boolean }[]
  readonly responses: Readonly<Record<string, unknown>>
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: Readonly<Record<'schemas' | 'responses', Readonly<Record<string, object>>>>
}

let world: World
let document: Document
const every = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      name: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      ...described,
    })),
  )

beforeAll(async () => {
  world = await openWorld()
  const admin = await world.operator('a.reader', ['viewer'])
  document = await admin.call('GET', '/v1/openapi.json')
})

test('the description is valid OpenAPI 3.1 for an independent validator', async () => {
  const { valid, errors } = await new Validator().validate({ ...structuredClone(document) })
  expect(errors).toBeUndefined()
  expect(valid).toBe(true)
  expect(document.openapi).toMatch(/^3\.1\./)
})

test('it has every operation with its roles and purpose, and a unique name for each', () => {
  const told = every()
  expect(told.map(({ name }) => name).toSorted()).toEqual(world.adminOperations.map(nameOf).toSorted())
  for (const row of world.adminOperations) {
    const described = told.find(({ name }) => name === nameOf(row))!
    expect(described['x-roles']).toEqual(row.roles)
    expect(described.summary).toMatch(/^[A-Z].{10,}\.$/)
  }
  expect(new Set(told.map(({ operationId }) => operationId)).size).toBe(told.length)
})

test('it allows no undescribed field in an answer', () => {
  const open: string[] = []
  const look = (schema: unknown, place: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    const { type, properties, additionalProperties } = schema as Record<string, unknown>
    if (type === 'object' && properties !== undefined && additionalProperties !== false) open.push(place)
    // A JWK may have additional members (RFC 7517 §4).
    for (const [name, part] of Object.entries(schema)) if (name !== 'jwks') look(part, `${place}/${name}`)
  }
  for (const { name, responses } of every()) if (name !== 'GET /v1/openapi.json') look(responses, name)
  look(document.components.schemas, 'components')
  expect(open).toEqual([])
})

test('it describes a portal’s definition wherever one is sent or answered', () => {
  const reference = { $ref: '#/components/schemas/PortalDefinition' }
  const part = (...path: string[]) =>
    path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], document.paths)
  const sent = ['requestBody', 'content', 'application/json', 'schema']
  expect(part('/v1/clients/{id}', 'put', ...sent)).toEqual(reference)
  for (const path of ['/v1/clients/plan', '/v1/clients/apply'])
    expect(part(path, 'post', ...sent, 'properties', 'clients', 'items')).toEqual(reference)
  const answered = ['responses', '200', 'content', 'application/json', 'schema', 'properties']
  expect(part('/v1/clients/{id}', 'get', ...answered, 'metadata')).toMatchObject(reference)

  const fits = new Ajv2020({ strict: false }).compile(document.components.schemas['PortalDefinition']!)
  const { client_secret: _, ...definition } = portalDefinition('cong-mau')
  expect(fits({ ...definition, state: 'draft' })).toBe(true)
  expect(fits({ ...definition, policy: { minimum_level: 3 } })).toBe(false)
})

test('writes take an Idempotency-Key, conditional ones need If-Match', () => {
  for (const row of world.adminOperations) {
    const described = every().find(({ name }) => name === nameOf(row))!
    const header = (wanted: string) => described.parameters.find(({ name }) => name === wanted)
    const isPlainWrite = row.method !== 'GET' && row.readsOnly !== true && row.accepts === undefined
    expect([nameOf(row), header('Idempotency-Key') !== undefined]).toEqual([nameOf(row), isPlainWrite])
    expect(header('If-Match')?.required).toBe(row.conditional === true ? true : undefined)
  }
})

test('every error code is in the table of errors, with its status', () => {
  for (const [name, response] of Object.entries(document.components.responses)) {
    const text = JSON.stringify(response)
    for (const code of name.split('-')) {
      const { status } = errorTable[code as keyof typeof errorTable]
      expect(text).toContain(`{"const":${status}}`)
    }
  }
})

test('a client that has it gets 304 until it changes', async () => {
  const operator = { id: 'a.machine', key: await knownOperator(world, 'a.machine', ['viewer']) }
  const send = sender(world, world.adminUrl, operator)
  const first = await send('GET', '/v1/openapi.json')
  const etag = first.headers.get('etag')!
  const again = await send('GET', '/v1/openapi.json', { headers: { 'if-none-match': `"other", ${etag}` } })
  expect(again).toMatchObject({ status: 304, body: undefined })
  expect(again.headers.get('etag')).toBe(etag)
  expect(await send('GET', '/v1/openapi.json', { headers: { 'if-none-match': '"other"' } })).toMatchObject({
    status: 200,
  })
})

test('only operators can read it', async () => {
  expect((await fetch(`${world.adminUrl}/v1/openapi.json`)).status).toBe(401)
})

test('an answer that does not match the description fails the test that gets it', async () => {
  const rows: Operation[] = [
    operation({
      method: 'GET',
      path: '/things/:id',
      about: 'A test.',
      roles,
      answer: z.strictObject({ id: z.uuid(), at: z.iso.datetime() }),
      handle: () => Promise.reject(new Error('not called')),
    }),
    operation({ method: 'POST', path: '/things', about: 'A test.', roles, handle: () => Promise.resolve() }),
  ]
  const good = { id: crypto.randomUUID(), at: '2026-11-22T00:00:00.000Z' }
  const exchange = (status: number, body: unknown, type = 'application/json') => ({
    method: 'GET' as const,
    path: '/things/1?some=thing',
    status,
    headers: { 'content-type': `${type}; charset=utf-8`, 'x-reference': 'ABC' },
    text: JSON.stringify(body),
  })
  const problem = (code: string, status: number) => ({
    type: 'urn:x',
    title: 'x',
    status,
    code,
    reference: 'ABC',
  })
  const check = (given: ReturnType<typeof exchange>) => createContract(rows, world.db).check(given)
  await check(exchange(200, good))
  await check(exchange(404, problem('not_found', 404), 'application/problem+json'))
  for (const bad of [
    exchange(200, { ...good, name: 'more than is told' }),
    exchange(200, { id: good.id }),
    exchange(200, { ...good, at: 'yesterday' }),
    exchange(200, good, 'text/csv'),
    exchange(201, good),
    exchange(404, problem('case_gone', 404), 'application/problem+json'),
    exchange(409, problem('state_conflict', 409), 'application/problem+json'),
    { ...exchange(200, good), headers: { ...exchange(200, good).headers, location: '/x' } },
    { ...exchange(200, good), path: '/elsewhere' },
  ])
    await expect(check(bad)).rejects.toThrow(/^(GET|POST) |^\/elsewhere: /)
  const write = { ...exchange(204, undefined), method: 'POST' as const, path: '/things', text: '' }
  await expect(createContract(rows, world.db).check(write)).rejects.toThrow('the audit does not know')
})
