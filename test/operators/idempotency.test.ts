import { randomBytes, randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, operation } from '../../src/admin/operation.ts'
import { roles } from '../../src/vocabulary.ts'
import { record } from '../../src/recording.ts'
import { BrokerError } from '../../src/errors.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { forgetAttempts } from '../../src/store/idempotent-requests.ts'
import { knownOperator, openAdmin } from '../support/operators/admin-server.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, type World } from '../support/world.ts'

const log = createLog({ level: 'silent' })
const key = () => ({ 'idempotency-key': randomUUID() })

describe('a write under an Idempotency-Key', () => {
  describe('of one operator', () => {
    let world: World
    let operator: { id: string; key: JWK }
    let other: typeof operator
    /** The calls of the operations below, by the note that each was sent. */
    let done: string[]

    beforeAll(async () => {
      world = await openWorld()
      operator = { id: 'an.officer', key: await knownOperator(world, 'an.officer', roles) }
      other = { id: 'another', key: await knownOperator(world, 'another', roles) }
    })

    /** A write that is audited, and then runs `after`. */
    function write(after: (count: number) => Promise<unknown> = () => Promise.resolve()): Operation {
      done = []
      return operation({
        method: 'POST',
        path: '/notes/:id',
        about: 'A test.',
        roles,
        body: z.strictObject({ note: z.string() }),
        status: 201,
        answer: z.looseObject({ note: z.string() }),
        async handle({ body: { note }, operator: { id }, reference, params, ctx }) {
          done.push(note)
          await record({ db: world.db, log }, [
            { event: 'review.read', actor: id, reference, detail: { case: params.id } },
          ])
          ctx.set('location', `/notes/${params.id}`)
          const more = await after(done.length)
          return { note, count: done.length, ...(more as object) }
        },
      })
    }
    const body = { note: 'first' }

    test('is executed once, and gets the same answer each time', async () => {
      const send = await openAdmin(world, [write()], operator)
      const headers = key()
      const first = await send('POST', '/notes/1', { headers, body })
      const second = await send('POST', '/notes/1', { headers, body })
      expect(first).toMatchObject({ status: 201, body: { note: 'first', count: 1 } })
      expect(first.headers.get('idempotency-replayed')).toBeNull()
      expect(second).toMatchObject({ status: 201, body: first.body })
      expect(second.headers.get('idempotency-replayed')).toBe('true')
      expect(second.headers.get('location')).toBe('/notes/1')
      expect(second.headers.get('x-reference')).not.toBe(first.headers.get('x-reference'))
      expect(done).toEqual(['first'])
    })

    test('is another request without a key, with another key or by another operator', async () => {
      const rows = [write()]
      const send = await openAdmin(world, rows, operator)
      const sendAsOther = await openAdmin(world, rows, other)
      const headers = key()
      await send('POST', '/notes/1', { headers, body })
      await send('POST', '/notes/1', { body })
      await send('POST', '/notes/1', { headers: key(), body })
      expect(await sendAsOther('POST', '/notes/1', { headers, body })).toMatchObject({ status: 201 })
      expect(done).toHaveLength(4)
    })

    test.each([
      ['body', '/notes/1', { note: 'second' }],
      ['address', '/notes/2', body],
      ['query', '/notes/1?', body],
    ])('with another %s under the same key is refused, and nothing is done', async (_what, path, changed) => {
      const send = await openAdmin(world, [write()], operator)
      const headers = key()
      await send('POST', '/notes/1', { headers, body })
      expect(await send('POST', path, { headers, body: changed })).toMatchObject({
        status: 422,
        body: { code: 'idempotency_conflict' },
      })
      expect(done).toEqual(['first'])
    })

    test('that is repeated while the first is running gets idempotency_running; of ten at once one is executed', async () => {
      const gate = Promise.withResolvers<void>()
      const begun = Promise.withResolvers<void>()
      const send = await openAdmin(
        world,
        [
          write(() => {
            begun.resolve()
            return gate.promise
          }),
        ],
        operator,
      )
      const headers = key()
      const all = Array.from({ length: 10 }, () => send('POST', '/notes/1', { headers, body }))
      await begun.promise
      expect(await send('POST', '/notes/1', { headers, body })).toMatchObject({
        status: 409,
        body: { code: 'idempotency_running' },
      })
      gate.resolve()
      const answers = await Promise.all(all)
      const carriedOut = answers.filter(
        ({ status, headers: told }) => status === 201 && told.get('idempotency-replayed') === null,
      )
      expect(carriedOut).toHaveLength(1)
      expect(done).toEqual(['first'])
    })

    test('that was refused does not use up its key', async () => {
      let isBarred = true
      const refusing = operation({
        method: 'POST',
        path: '/refusing',
        about: 'A test.',
        roles,
        answer: z.looseObject({}),
        handle() {
          if (isBarred) throw new BrokerError('state_conflict')
          return Promise.resolve({ done: true })
        },
      })
      const send = await openAdmin(world, [refusing], operator)
      const headers = key()
      expect(await send('POST', '/refusing', { headers })).toMatchObject({ status: 409 })
      isBarred = false
      expect(await send('POST', '/refusing', { headers })).toMatchObject({
        status: 200,
        body: { done: true },
      })
    })

    test('that failed before it wrote is executed when it is repeated', async () => {
      let attempts = 0
      const failing = operation({
        method: 'POST',
        path: '/failing',
        about: 'A test.',
        roles,
        answer: z.looseObject({}),
        handle() {
          attempts += 1
          if (attempts === 1) throw new Error('of no meaning')
          return Promise.resolve({ attempts })
        },
      })
      const send = await openAdmin(world, [failing], operator)
      const headers = key()
      expect(await send('POST', '/failing', { headers })).toMatchObject({ status: 500 })
      expect(await send('POST', '/failing', { headers })).toMatchObject({
        status: 200,
        body: { attempts: 2 },
      })
    })

    test('whose connection broke may still be running, so its key stays in use', async () => {
      let attempts = 0
      const cut = operation({
        method: 'POST',
        path: '/cut-off',
        about: 'A test.',
        roles,
        answer: z.looseObject({}),
        handle() {
          attempts += 1
          throw new BrokerError('store_unavailable')
        },
      })
      const send = await openAdmin(world, [cut], operator)
      const headers = key()
      expect(await send('POST', '/cut-off', { headers })).toMatchObject({ status: 503 })
      expect(await send('POST', '/cut-off', { headers })).toMatchObject({
        status: 409,
        body: { code: 'idempotency_running' },
      })
      expect(attempts).toBe(1)
    })

    test('that wrote and then failed is not executed again: the caller gets idempotency_lost', async () => {
      const send = await openAdmin(world, [write(() => Promise.reject(new Error('of no meaning')))], operator)
      const headers = key()
      const first = await send('POST', '/notes/1', { headers, body })
      expect(first).toMatchObject({ status: 500 })
      expect(await send('POST', '/notes/1', { headers, body })).toMatchObject({
        status: 409,
        body: { code: 'idempotency_lost', detail: `its reference was ${first.headers.get('x-reference')}` },
      })
      expect(done).toEqual(['first'])
    })

    test('whose node stopped keeps its key for minutes, and then the audit decides whether it was executed', async () => {
      const send = await openAdmin(world, [write()], operator)
      const [wrote, died] = [key(), key()]
      for (const headers of [wrote, died]) await send('POST', '/notes/1', { headers, body })
      const rows = await world.db.query<{ reference: string }>(
        'select reference from idempotent_request order by begun_at desc limit 2',
      )
      const attempts = rows.map(({ reference }) => reference)
      // The rows of a process that stopped: begun and never ended.
      await world.db.query(
        `update idempotent_request set held_until = now() + interval '1 minute' where reference = any($1::text[])`,
        [attempts],
      )
      await world.db.query('delete from audit_event where reference = $1', [attempts[0]])
      for (const headers of [wrote, died])
        expect(await send('POST', '/notes/1', { headers, body })).toMatchObject({
          body: { code: 'idempotency_running' },
        })
      await world.db.query(
        `update idempotent_request set held_until = now() where reference = any($1::text[])`,
        [attempts],
      )
      expect(await send('POST', '/notes/1', { headers: wrote, body })).toMatchObject({
        body: { code: 'idempotency_lost' },
      })
      const answers = await Promise.all(
        [1, 2, 3].map(() => send('POST', '/notes/1', { headers: died, body })),
      )
      expect(answers.some(({ status }) => status === 201)).toBe(true)
      expect(done).toHaveLength(3)
    })

    test('is forgotten after a day', async () => {
      const send = await openAdmin(world, [write()], operator)
      const headers = key()
      const again = () => send('POST', '/notes/1', { headers, body })
      await again()
      await world.db.query(`update idempotent_request set begun_at = now() - interval '25 hours'`)
      expect((await again()).headers.get('idempotency-replayed')).toBeNull()
      await world.db.query(`update idempotent_request set begun_at = now() - interval '25 hours'`)
      await forgetAttempts(world.db)
      expect(await world.db.query('select 1 from idempotent_request')).toEqual([])
      expect(done).toHaveLength(2)
    })

    test('may be answered with a secret; neither the secret nor the request is stored in clear', async () => {
      const secret = randomBytes(32).toString('base64url')
      const note = randomBytes(32).toString('base64url')
      recordSecrets([secret, note])
      const send = await openAdmin(world, [write(() => Promise.resolve({ secret }))], operator)
      const headers = key()
      for (let times = 0; times < 2; times++)
        expect(await send('POST', '/notes/1', { headers, body: { note } })).toMatchObject({
          body: { secret },
        })
      const [row] = await world.db.query<{ row: string }>(
        `select r::text as row, sealed from idempotent_request r order by begun_at desc limit 1`,
      )
      for (const hidden of [secret, Buffer.from(secret).toString('hex'), headers['idempotency-key']])
        expect(row?.row).not.toContain(hidden)
    })

    test.each(['short', 'x'.repeat(129), 'has a space in it, it does'])(
      'has a fit key, not %s',
      async (bad) => {
        const send = await openAdmin(world, [write()], operator)
        const headers = { 'idempotency-key': bad }
        expect(await send('POST', '/notes/1', { headers, body })).toMatchObject({
          status: 400,
          body: { code: 'input_invalid' },
        })
        expect(done).toEqual([])
      },
    )
  })
})
