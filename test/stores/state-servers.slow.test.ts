/** Protocol state in Redis Cluster and Sentinel, and in servers that become unavailable. */
import { afterAll, describe, expect, inject, test } from 'vitest'
import { openState } from '../../src/store/state/open.ts'
import type { State } from '../../src/store/state/state.ts'
import {
  type PrivateServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '../support/private-servers.ts'
import { testProtocolState } from '../support/stores/state-contract.ts'

const redis = inject('redisUrl')
const servers: PrivateServer[] = []
afterAll(() => Promise.all(servers.map((server) => server.stop())))

const openSentinel = async () => {
  const server = await startRedisSentinel()
  if (server === undefined) throw new Error('Redis Sentinel is not installed, although Redis is')
  servers.push(server)
  return server.url
}
const clusterUrl = inject('redisClusterUrl')
testProtocolState('Redis Cluster', clusterUrl === undefined ? undefined : () => Promise.resolve(clusterUrl))
testProtocolState('Redis Sentinel', redis === undefined ? undefined : openSentinel)

describe.skipIf(redis === undefined)('a Redis that goes away (needs Redis)', () => {
  /** The answer of each operation. */
  const outcomes = (state: State) =>
    Promise.all(
      [
        state.read('k'),
        state.take('k'),
        state.spend('k', 60),
        state.claim('k', 60),
        state.write([{ key: 'k', delete: true }]),
        state.add([{ key: 'n', by: 1, ttl: 60 }]),
        state.ping(),
      ].map((work) =>
        work.then(
          () => 'done',
          (error: { code?: string }) => error.code,
        ),
      ),
    )
  const away = Array<string>(7).fill('store_unavailable')

  test('is distinguished from every other fault, and is used again when it is back', async () => {
    const server = await startRedis()
    const { port, href } = new URL(server!.url)
    const state = openState({ url: href, limit: 1 })
    await state.write([{ key: 'k', value: Buffer.from('x'), ttl: 60 }])
    const { version } = (await state.read('k'))!
    await server!.stop()
    expect(await outcomes(state)).toEqual(away)

    const again = await startRedis('--port', port)
    servers.push(again!)
    await expect
      .poll(
        () =>
          state.ping().then(
            () => 'back',
            () => 'away',
          ),
        { timeout: 10_000 },
      )
      .toBe('back')
    // The new server does not have our Lua scripts yet.
    expect(await state.write([{ key: 'k', value: Buffer.from('y'), ttl: 60, over: version }])).toEqual(['k'])
    expect(await state.read('k')).toBeUndefined()
    await state.close()
  })

  test('does not keep a broker from ending', async () => {
    const server = await startRedis()
    const state = openState({ url: server!.url, limit: 1 })
    await state.ping()
    await server!.stop()
    await state.close()
  })

  test.skipIf(inject('redisClusterUrl') === undefined)(
    'as a whole Cluster is reported within seconds too',
    async () => {
      const cluster = await startRedisCluster()
      const state = openState({ url: cluster!.url, limit: 1 })
      await state.ping()
      await cluster!.stop()
      expect(await outcomes(state)).toEqual(away)
      await state.close()
    },
  )
})
