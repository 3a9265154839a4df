import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type AdminClient, type AdminError, createAdminClient } from '../../src/cli/client.ts'
import { operation } from '../../src/admin/operation.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { type Role, roles } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createAdminServer } from '../../src/admin/server.ts'
import { errorTable } from '../../src/errors.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { createMemoryState } from '../../src/store/state/memory.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, type World } from '../support/world.ts'

const enabledOfficers = async (world: World) =>
  (
    await world.db.query(
      `select 1 from operator where 'security_officer' = any(roles) and disabled_at is null`,
    )
  ).length

let world: World
let officer: AdminClient
const clients = new Map<Role, AdminClient>()
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as AdminError,
  )
const publicJwk = async () => (await generateOperatorKey()).publicKey

beforeAll(async () => {
  world = await openWorld()
  for (const role of roles) clients.set(role, await world.operator(`the-${role}`, [role]))
  officer = clients.get('security_officer')!
})

test('an operator with two roles may do what each of them permits', async () => {
  const both = await world.operator('both', ['viewer', 'auditor'])
  expect(await refusal(both.call('GET', '/v1/operators'))).toBeUndefined()
})

test('an operator has access as soon as a security officer creates it, and none as soon as it is disabled', async () => {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const created = await officer.call('POST', '/v1/operators', {
    id: 'new.one',
    roles: ['auditor', 'viewer', 'viewer'],
    public_key: { ...publicKey, use: 'sig', kid: 'mine', alg: 'ES256' },
  })
  expect(created).toEqual({ id: 'new.one', kind: 'machine', roles: ['viewer', 'auditor'] })
  const { audience } = world.config.admin
  const client = createAdminClient({
    url: world.adminUrl,
    audience,
    operatorId: 'new.one',
    key: privateKey,
  })
  expect(await client.call('GET', '/v1/whoami')).toEqual(created)

  const reason = 'has left the office'
  expect(await officer.call('POST', '/v1/operators/new.one/disable', { reason })).toBeUndefined()
  expect(await refusal(client.call('GET', '/v1/whoami'))).toMatchObject({ code: 'unauthenticated' })
  expect(await refusal(officer.call('POST', '/v1/operators/new.one/disable', { reason }))).toMatchObject({
    code: 'state_conflict',
  })
  expect(await refusal(officer.call('POST', '/v1/operators/nobody/disable', { reason }))).toMatchObject({
    code: 'not_found',
  })

  const { operators } = await officer.call<{ operators: Record<string, unknown>[] }>('GET', '/v1/operators')
  expect(operators.find(({ id }) => id === 'new.one')).toMatchObject({
    roles: ['viewer', 'auditor'],
    public_key: publicKey,
    created_by: 'the-security_officer',
    disabled_by: 'the-security_officer',
    disabled_reason: reason,
  })
  const events = await world.db.query<{ event: string; actor: string; reference: string; detail: object }>(
    `select event, actor, reference, detail from audit_event where detail->>'operator' = 'new.one' order by id`,
  )
  expect(events).toEqual([
    {
      event: 'operator.created',
      actor: 'the-security_officer',
      reference: expect.stringMatching(/^[0-9A-Z]{10}$/),
      // One person is enough, because there have not been two security officers yet.
      detail: { operator: 'new.one', kind: 'machine', roles: ['viewer', 'auditor'], alone: true },
    },
    {
      event: 'operator.disabled',
      actor: 'the-security_officer',
      reference: expect.stringMatching(/^[0-9A-Z]{10}$/),
      detail: { operator: 'new.one' },
    },
  ])
  expect(world.logLines.join('')).not.toContain(reason)
})

test('the id and the key of an operator can never be given to another', async () => {
  const key = await publicJwk()
  await officer.call('POST', '/v1/operators', { id: 'first', roles: ['viewer'], public_key: key })
  for (const again of [
    { id: 'first', roles: ['viewer'], public_key: await publicJwk() },
    { id: 'second', roles: ['viewer'], public_key: { ...key, kid: 'looks different' } },
  ])
    expect(await refusal(officer.call('POST', '/v1/operators', again))).toMatchObject({
      status: 409,
      code: 'state_conflict',
    })
})

test('the last enabled security officer cannot be disabled, not even in a race', async () => {
  const other = await world.operator('officer-2', ['security_officer'])
  const before = await enabledOfficers(world)
  expect(before).toBe(2)
  const reason = 'each says so of the other'
  const outcomes = await Promise.all([
    refusal(officer.call('POST', '/v1/operators/officer-2/disable', { reason })),
    refusal(other.call('POST', '/v1/operators/the-security_officer/disable', { reason })),
  ])
  expect(outcomes.filter((error) => error === undefined)).toHaveLength(1)
  expect(await enabledOfficers(world)).toBe(1)
  const left = outcomes[0] === undefined ? officer : other
  const { id } = await left.call<{ id: string }>('GET', '/v1/whoami')
  expect(await refusal(left.call('POST', `/v1/operators/${id}/disable`, { reason }))).toMatchObject({
    code: 'state_conflict',
    detail: 'this is the last enabled security_officer',
  })
  officer = left
})

test('an invalid body is refused; the error names the field and not its value', async () => {
  const key = await publicJwk()
  const fine = { id: 'somebody', roles: ['viewer'], public_key: key }
  const { y: _, ...point } = key as { y: string }
  for (const [body, detail] of [
    [{ ...fine, colour: 'blue' }, 'colour is not known'],
    [{ ...fine, public_key: { ...key, d: 'the-private-half' } }, 'public_key.d is not known'],
    [{ ...fine, '079190000123': 1 }, 'a field is not known'],
    [{ ...fine, id: 'Không Được' }, 'id: must be 3 to 64 of a-z, 0-9, dot, dash, underscore'],
    [{ ...fine, id: 'system' }, 'id: must not be one of citizen, system, local, operator, portal, sandbox'],
    [{ ...fine, roles: [] }, /^roles: /],
    [{ ...fine, roles: ['root-of-all-evil'] }, /^roles\.0: /],
    [{ ...fine, public_key: { kty: 'RSA', n: 'x', e: 'AQAB' } }, /^public_key\.kty: /],
    [{ ...fine, public_key: point }, /^public_key\.y: /],
    [
      { ...fine, public_key: { ...key, y: 'A'.repeat(43) } },
      'public_key: must be a valid point on its curve',
    ],
    [[], /^the body: /],
    ['text\u0000', String.raw`the body: must not contain the NUL character (\u0000)`],
  ] as const) {
    const error = await refusal(officer.call('POST', '/v1/operators', body))
    expect(error).toMatchObject({ status: 400, code: 'input_invalid' })
    expect(error?.detail).toMatch(detail)
    for (const value of ['blue', 'the-private-half', '079190000123', 'Không', 'root-of-all-evil'])
      expect(`${error?.message}${world.logLines.join('')}`).not.toContain(value)
  }
  expect(await refusal(officer.call('GET', '/v1/whoami?page=1'))).toMatchObject({
    detail: 'page is not known',
  })
  expect(await refusal(officer.call('POST', '/v1/operators/a%00b/disable', { reason: 'x' }))).toMatchObject({
    status: 400,
  })
})

test('an invalid input is reported field by field, for programs and for people', async () => {
  const body = { id: 'x', roles: ['nobody'], public_key: await publicJwk(), colour: 'blue' }
  const error = await refusal(officer.call('POST', '/v1/operators', body))
  expect(error?.errors).toEqual([
    { path: 'id', message: 'must be 3 to 64 of a-z, 0-9, dot, dash, underscore' },
    { path: 'roles.0', message: expect.any(String) },
    { path: 'colour', message: 'is not known' },
  ])
  expect(error?.detail?.split('; ')).toHaveLength(3)
  const plain = await refusal(officer.upload('/v1/operators', Readable.from(['{']), 'application/json'))
  expect(plain?.errors).toEqual([{ path: '', message: 'the body must be JSON in UTF-8' }])
})

test('an operation that takes no body refuses one', async () => {
  const unasked = refusal(
    officer.call('POST', `/v1/approvals/${crypto.randomUUID()}/approve`, { reason: 'x' }),
  )
  expect(await unasked).toMatchObject({ status: 400, detail: 'the request must not have a body' })
})

test('a body that is not JSON, has another type or is too large is refused with a problem document', async () => {
  const upload = (content: string, type: string) =>
    refusal(officer.upload('/v1/operators', Readable.from([Buffer.from(content)]), type))
  expect(await upload('{"id":', 'application/json')).toMatchObject({
    detail: 'the body must be JSON in UTF-8',
  })
  expect(await upload('{}', 'text/plain')).toMatchObject({
    detail: expect.stringMatching(/^content-type: /),
  })
  expect(await upload('', 'application/json')).toMatchObject({ code: 'input_invalid' })
  for (const size of [64 * 1024 + 1, 1024 * 1024]) {
    const error = await upload(JSON.stringify({ id: 'x'.repeat(size) }), 'application/json')
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' })
  }
  const invalid = Buffer.from([0x22, 0xff, 0x22])
  expect(
    await refusal(officer.upload('/v1/operators', Readable.from([invalid]), 'application/json')),
  ).toMatchObject({
    detail: 'the body must be JSON in UTF-8',
  })
})

test('every answer is uncached and has a reference, and a failure is a problem document', async () => {
  const response = await fetch(`${world.adminUrl}/nowhere`)
  const reference = response.headers.get('x-reference') ?? ''
  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(await response.json()).toEqual({
    type: 'urn:vneid-sso-gateway:docs/errors.md#not_found',
    title: errorTable.not_found.meaning,
    status: 404,
    code: 'not_found',
    reference,
  })
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  })
  const lines = world.logLines.filter((line) => line.includes(reference))
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
    'request.failed',
    'operation.served',
  ])
  expect(lines.join('')).not.toContain('nowhere')
})

test('the admin API is not on the public port, nor on the port for metrics', async () => {
  for (const url of [world.issuer, world.operationsUrl])
    expect((await fetch(`${url}/v1/whoami`)).status).toBe(404)
})

test('an operation may read and write a stream, and a fault in it reveals nothing to the caller', async () => {
  const anybody = { method: 'POST', about: 'A test.', roles } as const
  const state = createMemoryState({ limit: 10_000_000 })
  const log = createLog({ level: 'silent' })
  const { audience } = world.config.admin
  const operations = [
    operation({
      ...anybody,
      path: '/echo/:portal/rows/:row',
      accepts: 'text/csv',
      query: z.strictObject({ times: z.coerce.number().max(3) }),
      handle({ ctx, request, params, query }) {
        ctx.type = 'application/json'
        ctx.body = request
        ctx.set('x-call', `${params.portal} ${params.row} ${query.times + 1}`)
        return Promise.resolve()
      },
    }),
    operation({
      ...anybody,
      path: '/fault',
      handle: () => Promise.reject(new Error('079190000123 was not expected')),
    }),
  ]
  const seal = createSeal([randomBytes(32)], 'kept answer')
  const server = createAdminServer({ audience, db: world.db, state, seal, log, operations })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.close()
    await state.close()
  })
  const { privateKey, publicKey } = await generateOperatorKey()
  await createOperator(
    { db: world.db, log, actor: 'local' },
    { id: 'streams', roles: ['viewer'], key: publicKey },
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createAdminClient({ url, audience, operatorId: 'streams', key: privateKey })

  const large = { text: 'x'.repeat(1_000_000) }
  const rows = () => Readable.from([JSON.stringify(large)])
  expect(await json(await client.upload('/echo/portal-a/rows/7?times=2', rows(), 'text/csv'))).toEqual(large)
  expect(
    await refusal(client.upload('/echo/portal-a/rows/7?times=4', Readable.from(['{}']), 'text/csv')),
  ).toMatchObject({
    code: 'input_invalid',
    detail: expect.stringMatching(/^times: /),
  })
  const fault = await refusal(client.call('POST', '/fault'))
  expect(fault).toMatchObject({ status: 500, code: 'server_error', detail: undefined })
})
