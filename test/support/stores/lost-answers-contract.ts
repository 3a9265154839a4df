/** The contract of a store whose answers get lost, run on each kind of Redis. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openState } from '../../../src/store/state/open.ts'
import type { State } from '../../../src/store/state/state.ts'
import type { ForgetfulRedis } from './forgetful-redis.ts'

const value = Buffer.from('content')
const newKey = () => `twice:${randomBytes(12).toString('base64url')}`

export const testLostAnswers = (name: string, open: (() => Promise<ForgetfulRedis>) | undefined): unknown =>
  describe.skipIf(open === undefined)(`a command whose answer is lost (needs ${name})`, () => {
    let redis: ForgetfulRedis
    let state: State
    beforeAll(async () => {
      redis = await open!()
      state = openState({ url: redis.url, limit: 1_000_000 })
      await state.ping()
    })
    afterAll(async () => {
      await state.close()
      await redis.close()
    })
    /** Loses the answer of the next command. */
    async function forgotten<T>(work: () => Promise<T>): Promise<T> {
      const before = redis.lost
      redis.lose()
      const result = await work()
      expect(redis.lost).toBe(before + 1)
      return result
    }
    const put = (key: string) => state.write([{ key, value, ttl: 60 }])

    test('takes a record once, and its caller gets it', async () => {
      const key = newKey()
      await put(key)
      expect((await forgotten(() => state.take(key)))?.value).toEqual(value)
      expect(await state.take(key)).toBeUndefined()
      expect(await state.read(key)).toBeUndefined()
      // What is written later is another record.
      await put(key)
      expect((await state.take(key))?.value).toEqual(value)
    })

    test('spends a record once, and its caller is the first', async () => {
      const key = newKey()
      await put(key)
      expect(await forgotten(() => state.spend(key, 60))).toMatchObject({ spent: false, value })
      expect(await state.spend(key, 60)).toMatchObject({ spent: true, value })
    })

    test('claims once, for its caller', async () => {
      const key = newKey()
      expect(await forgotten(() => state.claim(key, 60))).toBe(true)
      expect(await state.claim(key, 60)).toBe(false)
    })

    test('creates a record that must not exist, for its caller', async () => {
      const key = newKey()
      const write = () => state.write([{ key, value, ttl: 60, over: null }])
      expect(await forgotten(write)).toEqual([])
      expect(await write()).toEqual([key])
    })

    test('writes over the version that its caller has read', async () => {
      const key = newKey()
      await put(key)
      const { version } = (await state.read(key))!
      const write = () => state.write([{ key, value, ttl: 60, over: version }])
      expect(await forgotten(write)).toEqual([])
      expect(await write()).toEqual([key])
    })

    test('adds to each count once, and its caller gets the sums', async () => {
      const [one, other] = [newKey(), newKey()]
      const add = () => state.add([one, other].map((key) => ({ key, by: 2, ttl: 60 })))
      expect(await forgotten(add)).toEqual([2, 2])
      expect(await add()).toEqual([4, 4])
      expect(await forgotten(() => state.add([{ key: one, by: 1, ttl: 60 }]))).toEqual([5])
    })

    test('does all of several writes once', async () => {
      const [known, created] = [newKey(), newKey()]
      await put(known)
      const { version } = (await state.read(known))!
      const writes = [
        { key: known, value, ttl: 60, over: version },
        { key: created, value, ttl: 60, over: null },
      ]
      expect(await forgotten(() => state.write(writes))).toEqual([])
      expect(await state.write(writes)).toEqual([known, created])
    })
  })
