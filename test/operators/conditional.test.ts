import type { JWK } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { operation } from '../../src/admin/operation.ts'
import { roles } from '../../src/vocabulary.ts'
import { BrokerError } from '../../src/errors.ts'
import { knownOperator, openAdmin } from '../support/operators/admin-server.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
let operator: { id: string; key: JWK }

beforeAll(async () => {
  world = await openWorld({ database: 'embedded', state: 'embedded' })
  operator = { id: 'an.officer', key: await knownOperator(world, 'an.officer', roles) }
})

/** A resource with a version, like a row of the registry. */
function openThing() {
  let version = 1
  let name = 'first'
  const answer = z.strictObject({ name: z.string(), version: z.int() })
  return openAdmin(
    world,
    [
      operation({
        method: 'GET',
        path: '/thing',
        about: 'A test.',
        roles,
        answer,
        handle({ ctx }) {
          ctx.set('etag', `"${version}"`)
          return Promise.resolve({ name, version })
        },
      }),
      operation({
        method: 'PUT',
        path: '/thing',
        about: 'A test.',
        roles,
        conditional: true,
        body: z.strictObject({ name: z.string() }),
        answer,
        handle({ body, ifMatch, ctx }) {
          if (ifMatch !== String(version)) throw new BrokerError('precondition_failed')
          version += 1
          name = body.name
          ctx.set('etag', `"${version}"`)
          return Promise.resolve({ name, version })
        },
      }),
    ],
    operator,
  )
}

test('if two operators change the version that both have read, the second is refused and must read it again', async () => {
  const send = await openThing()
  const etag = (await send('GET', '/thing')).headers.get('etag')!
  const change = (name: string, match: string) =>
    send('PUT', '/thing', { headers: { 'if-match': match }, body: { name } })
  const first = await change('mine', etag)
  expect(first).toMatchObject({ status: 200, body: { name: 'mine', version: 2 } })
  expect(await change('theirs', etag)).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
  expect((await send('GET', '/thing')).body).toEqual({ name: 'mine', version: 2 })
  expect(await change('theirs', first.headers.get('etag')!)).toMatchObject({ status: 200 })
})

test('a change without If-Match is refused', async () => {
  const send = await openThing()
  expect(await send('PUT', '/thing', { body: { name: 'x' } })).toMatchObject({
    status: 428,
    body: { code: 'precondition_required' },
  })
  for (const match of ['*', '1', 'W/"1"', '"1", "2"', '""'])
    expect(
      await send('PUT', '/thing', { headers: { 'if-match': match }, body: { name: 'x' } }),
    ).toMatchObject({
      status: 400,
      body: { code: 'input_invalid' },
    })
  expect((await send('GET', '/thing')).body).toEqual({ name: 'first', version: 1 })
})

test('a read of a version that the client already has is answered 304', async () => {
  const send = await openThing()
  const read = (known: string) => send('GET', '/thing', { headers: { 'if-none-match': known } })
  expect(await read('"1"')).toMatchObject({ status: 304, body: undefined })
  expect(await read('W/"1"')).toMatchObject({ status: 304 })
  await send('PUT', '/thing', { headers: { 'if-match': '"1"' }, body: { name: 'x' } })
  expect(await read('"1"')).toMatchObject({ status: 200, body: { version: 2 } })
})

test('a repeated change with one Idempotency-Key gets the same answer, even if the version has changed', async () => {
  const send = await openThing()
  const headers = { 'if-match': '"1"', 'idempotency-key': crypto.randomUUID() }
  const first = await send('PUT', '/thing', { headers, body: { name: 'x' } })
  const second = await send('PUT', '/thing', { headers, body: { name: 'x' } })
  expect(second).toMatchObject({ status: 200, body: first.body })
  expect(second.headers.get('etag')).toBe('"2"')
  expect(
    await send('PUT', '/thing', { headers: { ...headers, 'if-match': '"2"' }, body: { name: 'x' } }),
  ).toMatchObject({ body: { code: 'idempotency_conflict' } })
})
