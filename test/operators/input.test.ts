import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JWK } from 'jose'
import { roles } from '../../src/vocabulary.ts'
import { assertion, knownOperator, sender } from '../support/operators/admin-server.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

let world: World
let operator: { id: string; key: JWK }
let send: ReturnType<typeof sender>

beforeAll(async () => {
  world = await openWorld()
  operator = { id: 'an.officer', key: await knownOperator(world, 'an.officer', roles) }
  send = sender(world, world.adminUrl, operator)
  await world.register(portalDefinition('cong-mau'))
})

/** Sends the body as it is, and headers that may be empty or repeated. */
async function sendRaw(path: string, body: string, headers: Record<string, string | string[]> = {}) {
  const authorization = `Bearer ${await assertion(world, operator.id, operator.key)}`
  const all = { 'content-type': 'application/json', ...headers, authorization }
  return new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const asked = request(`${world.adminUrl}${path}`, { method: 'POST', headers: all }, (answer) => {
      text(answer).then(
        (told) => resolve({ status: answer.statusCode!, body: JSON.parse(told) as Record<string, unknown> }),
        reject,
      )
    })
    asked.once('error', reject)
    asked.end(body)
  })
}
const keysMade = async () =>
  (await world.db.query<{ n: number }>('select count(*)::int as n from audit_key'))[0]!.n

describe('an Idempotency-Key', () => {
  test.each([
    ['is empty', ''],
    ['has only spaces', '   '],
    ['is too short', 'abc'],
    ['has other characters', 'a key with some spaces'],
  ])('that %s is refused by name, and nothing is written', async (_what, key) => {
    const before = await keysMade()
    const answer = await sendRaw('/v1/audit/keys', '', { 'idempotency-key': key })
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'input_invalid', detail: expect.stringMatching(/^Idempotency-Key: must be 16 to 128 /) },
    })
    expect(await keysMade()).toBe(before)
  })

  test('that is sent twice is refused, even with equal values, and nothing is written', async () => {
    const before = await keysMade()
    const [one, two] = [randomUUID(), randomUUID()]
    for (const keys of [
      [one, two],
      [one, one],
      ['', one],
    ])
      expect(await sendRaw('/v1/audit/keys', '', { 'idempotency-key': keys })).toMatchObject({
        status: 400,
        body: { detail: 'Idempotency-Key: must be sent once' },
      })
    expect(await keysMade()).toBe(before)
  })
})

describe('text that a database cannot store', () => {
  test.each([
    ['a NUL character', String.raw`"a\u0000b"`, String.raw`must not contain the NUL character (\u0000)`],
    ['half of a surrogate pair', String.raw`"a\ud83d"`, /^must not contain half of a surrogate pair/],
  ])('%s is refused with the name of its field', async (_what, value, message) => {
    const answer = await sendRaw('/v1/clients/cong-mau/suspend', `{"reason":${value}}`)
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'reason' }] } })
    expect((answer.body['errors'] as { message: string }[])[0]!.message).toMatch(message)
    const inName = await sendRaw('/v1/clients/plan', `{"clients":[{"policy":{${value}:1}}]}`)
    expect(inName.body).toMatchObject({ code: 'input_invalid', errors: [{ path: 'clients.0.policy' }] })
  })

  test('a text that only looks like the escape of a NUL character is accepted', async () => {
    const answer = await send('POST', '/v1/keys/unknown/revoke', {
      body: { reason: String.raw`C:\u0000temp` },
    })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('a body that is nested too deep is refused, whatever its size', async () => {
    for (const levels of [33, 1_000, 30_000]) {
      const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`
      expect(await sendRaw('/v1/clients/plan', `{"clients":[{"a":${deep}}]}`)).toMatchObject({
        status: 400,
        body: { detail: 'the body must not be nested more than 32 levels deep' },
      })
    }
  })
})

describe('a moment', () => {
  const noon = '2026-11-21T12:00:00'
  const sent = {
    'GET /v1/audit/events': (at: string) => send('GET', `/v1/audit/events?from=${encodeURIComponent(at)}`),
    'GET /v1/audit/checkpoints': (at: string) =>
      send('GET', `/v1/audit/checkpoints?to=${encodeURIComponent(at)}`),
    'POST /v1/operator-reviews': (at: string) =>
      send('POST', '/v1/operator-reviews', { body: { read_at: at } }),
    'POST /v1/clients/:id/secrets': (at: string) =>
      send('POST', '/v1/clients/cong-mau/secrets', { body: { hash: 'A'.repeat(43), retire_others_at: at } }),
  }
  test.each(Object.entries(sent))('of %s may have an offset', async (_name, sendWith) => {
    for (const zone of ['Z', '+00:00', '+07:00', '-11:30'])
      expect((await sendWith(`${noon}${zone}`)).body).not.toMatchObject({ code: 'input_invalid' })
  })

  test.each(Object.entries(sent))('of %s without an offset is refused', async (_name, sendWith) => {
    expect((await sendWith(noon)).body).toMatchObject({ code: 'input_invalid' })
  })

  test.each(Object.entries(sent))(
    'of %s in a year that no database knows is refused',
    async (_name, sendWith) => {
      for (const at of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59'])
        expect(await sendWith(at)).toMatchObject({
          status: 400,
          body: { detail: expect.stringMatching(/must be in the years 1900 to 2999$/) },
        })
    },
  )

  test('a day in a year that no database knows is refused too', async () => {
    for (const path of ['/v1/progress?from=0000-01-01&to=0000-01-02', '/v1/figures?to=0000-01-01'])
      expect(await send('GET', path)).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  })
})

test('a limit is an integer in digits: nothing else is read as one', async () => {
  for (const limit of ['', '0', '1001', '0x10', '1e2', '+5', ' 5', '1.0', 'true'])
    expect(await send('GET', `/v1/clients?limit=${encodeURIComponent(limit)}`)).toMatchObject({
      status: 400,
      body: { detail: 'limit: must be an integer from 1 to 1000' },
    })
  for (const limit of [true, '5', [5], null, 0, 1001, 1.5])
    expect(await send('POST', '/v1/accounts/search', { body: { cmnd: '012345678', limit } })).toMatchObject({
      status: 400,
      body: { detail: 'limit: must be an integer from 1 to 1000' },
    })
})
