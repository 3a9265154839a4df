/** The contract of protocol state, run on every engine. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openState } from '../../../src/store/state/open.ts'
import { type State, newNonce } from '../../../src/store/state/state.ts'

const text = (value: string) => Buffer.from(value)
const fresh = () => `test:${randomBytes(12).toString('base64url')}`
const fifty = <T>(work: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: 50 }, work))

/** All tests run at the same time with separate keys, because two of them wait for a TTL, which Redis counts in seconds. */
export const testProtocolState = (name: string, address: (() => Promise<string>) | undefined): unknown =>
  describe.skipIf(address === undefined)(`protocol state in ${name}`, { concurrent: true }, () => {
    let state: State
    beforeAll(async () => {
      state = openState({ url: await address!(), limit: 10_000_000 })
    })
    afterAll(() => state.close())
    const put = async (key: string, value: string, ttl = 60, along: string[] = []) =>
      expect(await state.write([{ key, value: text(value), ttl, along }])).toEqual([])
    const valueOf = async (key: string) => (await state.read(key))?.value.toString()

    test('what was written is read until it is deleted', async () => {
      const key = fresh()
      expect(await state.read(key)).toBeUndefined()
      await put(key, 'one')
      expect(await state.read(key)).toEqual({
        value: text('one'),
        version: expect.any(String) as string,
        along: [],
      })
      await put(key, 'two')
      expect(await valueOf(key)).toBe('two')
      await state.write([{ key, delete: true }])
      expect(await state.read(key)).toBeUndefined()
      await state.write([{ key, delete: true }])
    })

    test('any bytes come back as they went in, however many, even none', async () => {
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const values = [Buffer.alloc(0), text('\n\n 0\n'), every, randomBytes(70_000)]
      for (const value of values) {
        const [key, other] = [fresh(), fresh()]
        await state.write([
          { key: other, value, ttl: 60 },
          { key, value, ttl: 60, along: [other] },
        ])
        const found = await state.read(key)
        expect(found?.value.equals(value)).toBe(true)
        expect(found?.along[0]?.value.equals(value)).toBe(true)
        expect((await state.spend(key, 60))?.value.equals(value)).toBe(true)
        expect((await state.take(key))?.value.equals(value)).toBe(true)
      }
    })

    test('everything ends with its time', async () => {
      const [written, replaced, taken, spent, claimed] = [fresh(), fresh(), fresh(), fresh(), fresh()]
      await put(written, 'x', 1)
      await put(replaced, 'x', 60)
      await put(replaced, 'y', 1)
      await put(taken, 'x', 1)
      await put(spent, 'x', 60)
      expect(await state.spend(spent, 1)).toMatchObject({ spent: false })
      expect(await state.claim(claimed, 1)).toBe(true)
      expect(await state.claim(claimed, 60)).toBe(false)
      await sleep(1_200)
      expect(await state.read(written)).toBeUndefined()
      expect(await state.read(replaced)).toBeUndefined()
      expect(await state.take(taken)).toBeUndefined()
      expect(await state.spend(spent, 60)).toMatchObject({ spent: false })
      expect(await state.claim(claimed, 1)).toBe(true)
    })

    test('a lifetime that has just run out is accepted, and ends within a second', async () => {
      const [written, created, replaced, spent, claimed, sum] = [
        fresh(),
        fresh(),
        fresh(),
        fresh(),
        fresh(),
        fresh(),
      ]
      await put(replaced, 'x')
      await put(spent, 'x')
      const { version } = (await state.read(replaced))!
      const writes = [
        { key: written, value: text('x'), ttl: 0 },
        { key: created, value: text('x'), ttl: -3, over: null },
        { key: replaced, value: text('y'), ttl: 0.4, over: version },
      ]
      expect(await state.write(writes)).toEqual([])
      expect(await state.spend(spent, 0)).toMatchObject({ spent: false })
      expect(await state.claim(claimed, 0)).toBe(true)
      expect(await state.add([{ key: sum, by: 2, ttl: 0 }])).toEqual([2])
      await sleep(1_100)
      for (const key of [written, created, replaced]) expect(await valueOf(key)).toBeUndefined()
      expect(await state.claim(claimed, 60)).toBe(true)
      expect(await state.add([{ key: sum, by: 2, ttl: 60 }])).toEqual([2])
    })

    test('what is taken is gone', async () => {
      const [key, other] = [fresh(), fresh()]
      await put(other, 'other')
      await put(key, 'once', 60, [other])
      expect(await state.take(key)).toEqual({
        value: text('once'),
        version: expect.any(String) as string,
        along: [],
      })
      expect(await state.take(key)).toBeUndefined()
      expect(await state.read(key)).toBeUndefined()
    })

    test('what is spent can still be read, and tells that it was spent', async () => {
      const key = fresh()
      expect(await state.spend(key, 60)).toBeUndefined()
      await put(key, 'code')
      expect((await state.read(key))?.spent).toBeFalsy()
      expect(await state.spend(key, 60)).toMatchObject({ value: text('code'), spent: false })
      expect((await state.read(key))?.spent).toBe(true)
      expect(await state.spend(key, 60)).toMatchObject({ value: text('code'), spent: true })
      expect(await valueOf(key)).toBe('code')
    })

    test('a record brings the records it names: those that are there, in their order', async () => {
      const [key, first, missing, last] = [fresh(), fresh(), fresh(), fresh()]
      await put(first, 'first', 60, [last])
      await put(last, 'last')
      await put(key, 'head', 60, [first, missing, last])
      const companions = [{ value: text('first'), along: [] }, undefined, { value: text('last'), along: [] }]
      expect(await state.read(key)).toMatchObject({ value: text('head'), along: companions })
      expect(await state.spend(key, 60)).toMatchObject({ value: text('head'), along: companions })

      await state.write([{ key: first, delete: true }])
      expect((await state.read(key))?.along.map((other) => other?.value.toString())).toEqual([
        undefined,
        undefined,
        'last',
      ])
      await put(key, 'alone')
      expect((await state.read(key))?.along).toEqual([])
    })

    test('a companion is written over with the version it came with', async () => {
      const [key, other] = [fresh(), fresh()]
      await put(other, 'old')
      await put(key, 'head', 60, [other])
      const version = (await state.read(key))!.along[0]!.version
      expect(await state.write([{ key: other, value: text('new'), ttl: 60, over: version }])).toEqual([])
      expect(await valueOf(other)).toBe('new')
    })

    test('a write over what has changed or gone is refused, and the rest of the batch is written', async () => {
      const [changed, gone, same, beside] = [fresh(), fresh(), fresh(), fresh()]
      for (const key of [changed, gone, same]) await put(key, 'old')
      const over = await Promise.all(
        [changed, gone, same].map(async (key) => (await state.read(key))!.version),
      )
      await put(changed, 'theirs')
      await state.write([{ key: gone, delete: true }])
      const refused = await state.write([
        { key: changed, value: text('mine'), ttl: 60, over: over[0]! },
        { key: gone, value: text('mine'), ttl: 60, over: over[1]! },
        { key: same, value: text('mine'), ttl: 60, over: over[2]! },
        { key: beside, value: text('mine'), ttl: 60 },
      ])
      expect(refused).toEqual([changed, gone])
      expect(await Promise.all([changed, gone, same, beside].map(valueOf))).toEqual([
        'theirs',
        undefined,
        'mine',
        'mine',
      ])
    })

    test('a write over nothing is refused where something is, and of fifty at once one succeeds', async () => {
      const [there, free] = [fresh(), fresh()]
      await put(there, 'theirs')
      const create = (key: string) => state.write([{ key, value: text('mine'), ttl: 60, over: null }])
      expect(await create(there)).toEqual([there])
      expect(await valueOf(there)).toBe('theirs')
      const refusals = await fifty(() => create(free))
      expect(refusals.filter((keys) => keys.length === 0)).toHaveLength(1)
      expect(await valueOf(free)).toBe('mine')
    })

    test('of fifty who build on the same version one succeeds', async () => {
      const key = fresh()
      await put(key, 'old')
      const { version } = (await state.read(key))!
      const refusals = await fifty(() => state.write([{ key, value: text('new'), ttl: 60, over: version }]))
      expect(refusals.filter((keys) => keys.length === 0)).toHaveLength(1)
    })

    test('of fifty who take, spend or claim the same thing at once one wins', async () => {
      const [taken, spent, claimed] = [fresh(), fresh(), fresh()]
      await put(taken, 'x')
      await put(spent, 'x')
      const [takes, spends, claims] = await Promise.all([
        fifty(() => state.take(taken)),
        fifty(() => state.spend(spent, 60)),
        fifty(() => state.claim(claimed, 60)),
      ])
      expect(takes.filter((found) => found !== undefined)).toHaveLength(1)
      expect(spends.filter((found) => found?.spent === false)).toHaveLength(1)
      expect(spends.filter((found) => found?.spent === true)).toHaveLength(49)
      expect(claims.filter(Boolean)).toHaveLength(1)
    })

    test('what fifty add at once is summed up, in their order, and ends with its time', async () => {
      const [shared, brief, lone] = [fresh(), fresh(), fresh()]
      const add = (key: string, by: number, ttl = 60) => ({ key, by, ttl })
      expect(await state.add([add(shared, 2), add(lone, 7), add(shared, 3)])).toEqual([2, 7, 5])
      const sums = await fifty(() => state.add([add(lone, 1), add(shared, 1)]))
      expect(sums.map(([, sum]) => sum!).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 6),
      )
      expect(await state.add([add(brief, 9, 1)])).toEqual([9])
      await sleep(1_200)
      expect(await state.add([add(brief, 1), add(shared, 1)])).toEqual([1, 56])
      expect(await state.add([])).toEqual([])
    })

    test('an addition that its caller sends again, because it got no answer, counts once', async () => {
      const [key, other] = [fresh(), fresh()]
      const addition = { key, by: 3, ttl: 60, nonce: newNonce() }
      expect(await state.add([addition, { ...addition, key: other }])).toEqual([3, 3])
      expect(await state.add([addition, { ...addition, key: other }])).toEqual([3, 3])
      expect(await state.add([{ ...addition, nonce: newNonce() }])).toEqual([6])
    })

    test('nothing to write is no trip, and it answers when asked whether it is there', async () => {
      expect(await state.write([])).toEqual([])
      await state.ping()
    })
  })
