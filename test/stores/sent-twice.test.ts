/** A command whose answer is lost is sent again, and has the result of the first execution. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openState } from '../../src/store/state/open.ts'
import type { State } from '../../src/store/state/state.ts'
import { type ForgetfulRedis, openForgetfulRedis } from '../support/stores/forgetful-redis.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const redisUrl = inject('redisUrl')
const value = Buffer.from('content')
const newKey = () => `twice:${randomBytes(12).toString('base64url')}`

describe.skipIf(redisUrl === undefined)('a command whose answer is lost (needs Redis)', () => {
  let redis: ForgetfulRedis
  let state: State
  beforeAll(async () => {
    redis = await openForgetfulRedis(redisUrl!)
    state = openState({ url: redis.url, limit: 1 })
    await state.ping()
  })
  afterAll(async () => {
    await state.close()
    redis.close()
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

describe.skipIf(redisUrl === undefined)(
  'a sign-in during which an answer of Redis is lost (needs Redis)',
  () => {
    test('succeeds, its code gives tokens, and these can be refreshed, whichever answer it is', async () => {
      const redis = await openForgetfulRedis(redisUrl!)
      const world = await openWorld({ environment: { STATE_URL: redis.url } })
      await world.register(portalDefinition('portal-a'))
      const portal = await world.portal({ clientId: 'portal-a', scope: 'openid profile offline_access' })
      for (let passed = 0; passed < 8; passed++) {
        const before = redis.lost
        redis.lose(passed)
        const { tokens } = await portal.signIn({ prompt: 'consent' })
        const renewed = await portal.refresh(tokens.refresh_token)
        await portal.userinfo(renewed.access_token)
        expect(redis.lost, `after ${passed} answers`).toBe(before + 1)
      }
      redis.close()
      await world.close()
    })
  },
)
