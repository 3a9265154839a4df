/** Sign-ins that one address begins and abandons take a bounded part of the store, and no other login notices. */
import { Redis } from 'ioredis'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { type Page, createVisitor } from '../../src/sandbox/visitor.ts'
import type { Begun } from '../support/portal.ts'
import { atPortal, from } from '../support/operation/limited.ts'
import { startRedis } from '../support/private-servers.ts'
import { openWorld, portalAddress, portalDefinition, type World } from '../support/world.ts'

const engines = [
  { name: 'in the process', hasServer: false },
  { name: 'in Redis', hasServer: true },
]
afterEach(() => void vi.useRealTimers())

const request = (padding: number) =>
  new URLSearchParams({
    client_id: 'portal-a',
    redirect_uri: portalAddress,
    response_type: 'code',
    scope: 'openid',
    nonce: 'n',
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
    state: 's'.repeat(padding),
  }).toString()
const largest = request(8_192 - request(0).length)

const heldBytes = async (world: World) => {
  const text = await (await fetch(`${world.operationsUrl}/metrics`)).text()
  return Number(/^state_bytes\{state="held"\} (\S+)/m.exec(text)?.[1])
}

describe.each(engines)('protocol state $name', ({ hasServer }) => {
  test.skipIf(hasServer && inject('redisUrl') === undefined)(
    'the largest requests for 15 minutes, as fast as the limits allow, take less than 200 MB, and logins continue',
    { timeout: 240_000 },
    async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      const redis = hasServer ? await startRedis('--maxmemory', '256mb') : undefined
      const world = await openWorld({
        state: 'embedded',
        environment: { TRUSTED_PROXIES: '127.0.0.0/8', ...(redis && { STATE_URL: redis.url }) },
      })
      await world.register(portalDefinition('portal-a'))
      const portal = await world.portal({ clientId: 'portal-a' })
      const visitor = createVisitor()
      const attacker = from('203.0.113.1')
      const send = () =>
        fetch(`${world.issuer}/auth?${largest}`, { headers: attacker, redirect: 'manual' }).then(
          async (answer) => {
            await answer.arrayBuffer()
            return answer.status
          },
        )
      let accepted = 0
      let citizen: { begun: Begun; back: Page } | undefined
      for (let minute = 0; minute < 15; minute++) {
        if (minute > 0) vi.setSystemTime(Date.now() + 60_000)
        if (minute === 14) {
          // A citizen behind the same address is at VNeID meanwhile.
          const begun = await portal.begin()
          const back = await visitor.open(begun.url, {
            headers: attacker,
            until: (url) => url.startsWith(`${world.issuer}/callback`),
          })
          citizen = { begun, back }
        }
        for (;;) {
          const statuses = await Promise.all(Array.from({ length: 20 }, send))
          accepted += statuses.filter((status) => status === 303).length
          if (statuses.includes(429)) break
        }
      }
      expect(accepted).toBeGreaterThan(7_000)

      // The metric follows within 15 seconds.
      await expect.poll(() => heldBytes(world), { timeout: 20_000 }).toBeGreaterThan(accepted * 7_000)
      expect(await heldBytes(world)).toBeLessThan(200_000_000)
      // The citizen at VNeID, and others.
      const home = await visitor.open(citizen!.back.url, { headers: attacker, until: atPortal })
      expect((await portal.redeem(home.url, citizen!.begun)).access_token).toBeTruthy()
      for (const other of ['binh', 'an']) {
        world.simulator.approve(other)
        expect((await portal.signIn()).tokens.access_token).toBeTruthy()
      }
      await world.close()
      await redis?.stop()
    },
  )
})

test.skipIf(inject('redisUrl') === undefined)(
  'when Redis is nearly full, new sign-ins are refused and those under way finish (needs Redis)',
  async () => {
    const redis = (await startRedis('--maxmemory', '20mb', '--maxmemory-policy', 'noeviction'))!
    const world = await openWorld({ state: 'embedded', environment: { STATE_URL: redis.url } })
    await world.register(portalDefinition('portal-a'))
    const portal = await world.portal({ clientId: 'portal-a', scope: 'openid offline_access' })
    const before = await portal.signIn({ prompt: 'consent' })
    const visitor = createVisitor()
    const begun = await portal.begin()
    const back = await visitor.open(begun.url, {
      until: (url) => url.startsWith(`${world.issuer}/callback`),
    })
    const client = new Redis(redis.url)
    for (let index = 0; ; index++) {
      const [, held, , limit] =
        /^used_memory:(\d+)([^]*)^maxmemory:(\d+)/m.exec(await client.info('memory')) ?? []
      if (Number(held) > Number(limit) * 0.82) break
      await client.set(`filling ${index}`, Buffer.alloc(200_000))
    }
    await expect
      .poll(async () => (await createVisitor().open((await portal.begin()).url)).body, { timeout: 10_000 })
      .toContain('overloaded')
    expect((await portal.refresh(before.tokens.refresh_token)).access_token).toBeTruthy()
    const home = await visitor.open(back.url, { until: atPortal })
    expect((await portal.redeem(home.url, begun)).access_token).toBeTruthy()
    await client.quit()
    await world.close()
    await redis.stop()
  },
)
