/** Limits with many citizens at one address, and across two brokers. */
import { expect, inject, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { startBroker } from '../support/broker-process.ts'
import { dumpRedis } from '../support/dumps.ts'
import { atPortal, from, openLimited } from '../support/operation/limited.ts'
import { startRedis } from '../support/private-servers.ts'
import { openWorld } from '../support/world.ts'

test(
  '300 citizens behind one address log in at once while another client there floods /auth without cookies',
  { timeout: 120_000 },
  async () => {
    const { world, limit, authorize } = await openLimited()
    await limit({ authorize: { newcomers: 400, address: 100_000 } })
    const portal = await world.portal({ clientId: 'portal-a' })
    const address = from('203.0.113.9')
    const flood = { isOver: false, sent: 0, refused: 0 }
    const attack = async () => {
      while (!flood.isOver) {
        const { status } = await fetch(authorize, { headers: address })
        flood.sent++
        if (status === 429) flood.refused++
      }
    }
    const attackers = Array.from({ length: 8 }, attack)
    await expect.poll(() => flood.refused, { timeout: 20_000 }).toBeGreaterThan(100)

    let waited = 0
    const login = async () => {
      const visitor = createVisitor()
      const begun = await portal.begin()
      let page = await visitor.open(begun.url, { headers: address, until: atPortal })
      // The citizen presses the button of the page.
      if (page.status === 429) {
        waited++
        const [, again = ''] = /<a class="button" href="([^"]+)">Thử lại/.exec(page.body) ?? []
        const url = new URL(again.replaceAll('&amp;', '&'), world.issuer).href
        page = await visitor.open(url, { headers: address, until: atPortal })
      }
      expect(atPortal(page.url) ? 'at the portal' : page.body).toBe('at the portal')
      expect((await portal.redeem(page.url, begun)).access_token).toBeTruthy()
    }
    const crowd = Array.from({ length: 300 }, () => login)
    const lines = Array.from({ length: 30 }, async () => {
      for (let next = crowd.pop(); next !== undefined; next = crowd.pop()) await next()
    })
    await Promise.all(lines)
    flood.isOver = true
    await Promise.all(attackers)
    expect(waited).toBeGreaterThan(0)
    expect(flood.refused / flood.sent).toBeGreaterThan(0.5)
    expect(await world.db.query(`select 1 from audit_event where event = 'login.completed'`)).toHaveLength(
      300,
    )
  },
)

test.skipIf(inject('redisUrl') === undefined || inject('databaseUrl') === undefined)(
  'two brokers share one count, no address reaches the store, and each continues alone (needs PostgreSQL and Redis)',
  { timeout: 60_000 },
  async () => {
    const redis = await startRedis()
    const limits = { metadata: { address: 100 } }
    const world = await openWorld({
      environment: { TRUSTED_PROXIES: '127.0.0.0/8', STATE_URL: redis!.url, LIMITS: JSON.stringify(limits) },
    })
    const other = await startBroker(world.settings)
    const jwks = async (url: string) => (await fetch(`${url}/jwks`, { headers: from('203.0.113.1') })).status
    for (let index = 0; index < 98; index++) expect(await jwks(world.issuer)).toBe(200)
    // It answers some requests before the two have exchanged their counts.
    await expect.poll(() => jwks(other.url), { interval: 200, timeout: 20_000 }).toBe(429)
    other.kill('SIGTERM')
    const held = await dumpRedis(redis!.url)
    expect(held).toContain('limit:')
    expect(held).not.toContain('203.0.113')
    await redis!.stop()
    const statuses = []
    for (let index = 0; index < 40; index++) statuses.push(await jwks(world.issuer))
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
  },
)
