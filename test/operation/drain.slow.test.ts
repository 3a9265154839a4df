/** Nodes are replaced while citizens log in, and no login fails. */
import { expect, inject, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openProxy, startBroker } from '../support/broker-process.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const here = inject('databaseUrl') !== undefined && inject('redisUrl') !== undefined

test.skipIf(!here)(
  'two nodes are replaced one after the other under load, and not one login fails (needs PostgreSQL and Redis)',
  { timeout: 180_000 },
  async () => {
    const proxy = await openProxy()
    const world = await openWorld({ database: 'server', state: 'server', environment: { ISSUER: proxy.url } })
    await world.register(portalDefinition('portal-a'))
    const settings = { ...world.settings, DRAIN_DELAY: '1', SHUTDOWN_GRACE: '10' }
    const nodes = await Promise.all([startBroker(settings), startBroker(settings)])
    const toAll = () => proxy.to(...nodes.map(({ url }) => url))
    toAll()
    const portal = await world.portal({ clientId: 'portal-a' })

    const day = { isOver: false }
    const outcomes: string[] = []
    const crowd = Array.from({ length: 4 }, async () => {
      while (!day.isOver) {
        const visitor = createVisitor()
        const login = async () => {
          const begun = await portal.begin()
          const page = await visitor.open(begun.url, { until: (url) => url.startsWith(portalAddress) })
          const tokens = await portal.redeem(page.url, begun)
          await portal.userinfo(tokens.access_token)
        }
        outcomes.push(await login().then(() => 'done', String))
      }
    })
    const more = async (count: number) => {
      const target = outcomes.length + count
      await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(target)
    }
    await more(20)
    for (const place of nodes.keys()) {
      const node = nodes[place]!
      node.kill('SIGTERM')
      // As a balancer does: when readiness says "draining", send no more requests there.
      const ready = async () => (await fetch(`${node.operationsUrl}/health/ready`)).status
      await expect.poll(ready, { interval: 50 }).toBe(503)
      proxy.to(...nodes.filter((other) => other !== node).map(({ url }) => url))
      expect(await node.ended).toBe(0)
      await more(10)
      nodes[place] = await startBroker(settings)
      toAll()
      await more(10)
    }
    day.isOver = true
    await Promise.all(crowd)
    expect(new Set(outcomes)).toEqual(new Set(['done']))
    for (const node of nodes) node.kill('SIGKILL')
  },
)
