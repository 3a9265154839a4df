/** Protocol state in the process and in Redis. `state-servers.slow.test.ts` has Sentinel and Cluster. */
import { describe, expect, inject, test } from 'vitest'
import { createMemoryState } from '../../src/store/state/memory.ts'
import { testProtocolState } from '../support/stores/state-contract.ts'

const given = (url: string | undefined) => (url === undefined ? undefined : () => Promise.resolve(url))
testProtocolState('memory', given('memory:'))
testProtocolState('Redis', given(inject('redisUrl')))

describe('protocol state in the process', () => {
  test('when full it refuses new records, drops no live record, and accepts records after one has expired', async () => {
    let now = 0
    const state = createMemoryState({ limit: 3, now: () => now })
    const write = (key: string, ttl = 60) => state.write([{ key, value: Buffer.from(key), ttl }])
    await write('a', 10)
    await write('b')
    await write('c')
    const full = { code: 'overloaded' }
    await expect(write('d')).rejects.toMatchObject(full)
    await expect(state.claim('d', 60)).rejects.toMatchObject(full)
    await write('b')
    for (const key of ['a', 'b', 'c']) expect((await state.read(key))?.value.toString()).toBe(key)
    now = 10_000
    await write('d')
    expect(await state.read('a')).toBeUndefined()
    // Counts do not use up the records' limit, and a count over its limit is forgotten, not refused.
    const counts = ['k', 'l', 'm', 'n', 'n'].map((key) => ({ key, by: 1, ttl: 60 }))
    expect(await state.add(counts)).toEqual([1, 1, 1, 1, 1])
    for (const key of ['b', 'c', 'd']) expect((await state.read(key))?.value.toString()).toBe(key)
    await state.close()
  })
})
