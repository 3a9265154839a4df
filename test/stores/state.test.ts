/** Protocol state in the process and in Redis. `state-servers.slow.test.ts` has Sentinel and Cluster. */
import { describe, expect, inject, test } from 'vitest'
import { createMemoryState } from '../../src/store/state/memory.ts'
import { testProtocolState } from '../support/stores/state-contract.ts'

const given = (url: string | undefined) => (url === undefined ? undefined : () => Promise.resolve(url))
testProtocolState('memory', given('memory:'))
testProtocolState('Redis', given(inject('redisUrl')))

describe('protocol state in the process', () => {
  const megabyte = Buffer.alloc(1_000_000)
  const full = { code: 'overloaded' }

  test('when full it refuses new records, drops no live record, and accepts records after one has expired', async () => {
    let now = 0
    const state = createMemoryState({ limit: 3_500_000, now: () => now })
    const write = (key: string, ttl = 60) => state.write([{ key, value: megabyte, ttl }])
    await write('a', 10)
    await write('b')
    await write('c')
    await expect(write('d')).rejects.toMatchObject(full)
    await write('b')
    for (const key of ['a', 'b', 'c']) expect((await state.read(key))?.value.equals(megabyte)).toBe(true)
    now = 10_000
    await write('d')
    expect(await state.read('a')).toBeUndefined()
    // Counts do not use up the records' limit.
    const counts = ['k', 'l', 'm', 'n', 'n'].map((key) => ({ key, by: 1, ttl: 60 }))
    expect(await state.add(counts)).toEqual([1, 1, 1, 1, 2])
    for (const key of ['b', 'c', 'd']) expect((await state.read(key))?.value.equals(megabyte)).toBe(true)
    for (const key of ['b', 'c', 'd']) await state.take(key)
    for (const key of ['e', 'f', 'g']) await write(key)
    await state.close()
  })

  test('when nearly full it refuses only what begins, and all of its batch', async () => {
    const state = createMemoryState({ limit: 10_000_000 })
    const begin = (key: string) =>
      state.write([
        { key, value: megabyte, ttl: 60, begins: true },
        { key: `${key}'s`, value: Buffer.from('x'), ttl: 60 },
      ])
    for (let index = 0; index < 7; index++) await begin(`begun ${index}`)
    await expect(begin('late')).rejects.toMatchObject(full)
    expect(await state.read("late's")).toBeUndefined()
    // What has begun goes on.
    expect(await state.claim('claim', 60)).toBe(true)
    expect(await state.spend('begun 0', 60)).toMatchObject({ spent: false })
    await state.write([{ key: 'code', value: megabyte, ttl: 60 }])
    await state.write([{ key: 'begun 1', value: Buffer.concat([megabyte, megabyte]), ttl: 60 }])
    expect(await state.take('begun 2')).toBeDefined()
    expect(await state.take('begun 3')).toBeDefined()
    await expect(begin('still late')).rejects.toMatchObject(full)
    expect(await state.take('begun 4')).toBeDefined()
    await begin('again')
    await state.close()
  })

  test('a full store looks for expired records at most once a second', async () => {
    let now = 0
    let looks = 0
    const state = createMemoryState({
      limit: 10_000 * 500,
      now: () => {
        looks++
        return now
      },
    })
    const value = Buffer.alloc(50)
    let count = 0
    const begin = () => state.write([{ key: `record ${count++}`, value, ttl: 60, begins: true }])
    const untilFull = async () => {
      for (;;)
        try {
          await begin()
        } catch {
          return
        }
    }
    await untilFull()
    looks = 0
    for (let index = 0; index < 100; index++) await expect(begin()).rejects.toMatchObject(full)
    expect(looks).toBeLessThan(500)
    now = 61_000
    await begin()
    await state.close()
  })
})
