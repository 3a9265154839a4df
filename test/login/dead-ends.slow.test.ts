/** The next step for a citizen when a broker is killed in the callback, and while Redis is away. */
import { expect, inject, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openProxy, startBroker } from '../support/broker-process.ts'
import { toPortal } from '../support/portals/vouching.ts'
import { openGate } from '../support/stores/gate.ts'
import { encode, expectPage, wish } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const redis = inject('redisUrl')
const isMissing = inject('databaseUrl') === undefined || redis === undefined
const addressOf = (body: string, words: string) =>
  new RegExp(`href="([^"]+)">${words}</a>`).exec(body)?.[1]?.replaceAll('&amp;', '&')

test.skipIf(isMissing)(
  'a sign-in whose broker is killed in the callback goes on with the same request by one button',
  { timeout: 120_000 },
  async () => {
    const proxy = await openProxy()
    const world = await openWorld({ database: 'server', state: 'server', environment: { ISSUER: proxy.url } })
    await world.register(portalDefinition('portal-a'))
    const broker = await startBroker(world.settings)
    proxy.to(broker.url)
    const portal = await world.portal({ clientId: 'portal-a' })
    const visitor = createVisitor()
    const begun = await portal.begin()
    const { url } = await visitor.open(begun.url, {
      until: (to) => to.startsWith(`${world.issuer}/callback`),
    })
    world.simulator.tamper({ tokenHangs: true })
    const dying = visitor.open(url).catch(() => undefined)
    await expect.poll(() => world.simulator.requests.token).toBe(1)
    broker.kill('SIGKILL')
    await broker.ended
    await dying
    world.simulator.tamper({})

    const next = await startBroker(world.settings)
    proxy.to(next.url)
    const page = await visitor.open(url)
    expectPage(page, 'interaction_gone')
    const onward = new URL(addressOf(page.body, 'Tiếp tục đăng nhập')!, world.issuer).href
    const answer = await visitor.open(onward, { until: toPortal })
    expect((await portal.redeem(answer.url, begun)).claims()).toMatchObject({ acr: 'urn:vneid:2' })
    next.kill('SIGKILL')
  },
)

test.skipIf(isMissing)(
  'while Redis is away, the page offers to try again and the way to the portal that the request names, in every browser',
  { timeout: 120_000 },
  async () => {
    const gate = await openGate(redis!)
    const world = await openWorld({ environment: { STATE_URL: gate.url } })
    await world.register(
      portalDefinition('portal-a'),
      portalDefinition('portal-b', { client_uri: 'http://127.0.0.1:8/' }),
    )
    const portal = await world.portal({ clientId: 'portal-a' })
    const known = await portal.signIn()
    const begun = await portal.begin({ prompt: 'login' })
    const { url: callback } = await known.visitor.open(begun.url, {
      until: (to) => to.startsWith(`${world.issuer}/callback`),
    })
    const url = `${world.issuer}/auth?${encode(wish('portal-b'))}`
    gate.close()
    for (const [visitor, address, home] of [
      [createVisitor(), url, 'http://127.0.0.1:8/'],
      [known.visitor, url, 'http://127.0.0.1:8/'],
      [known.visitor, callback, 'http://127.0.0.1:9/'],
    ] as const) {
      const page = await visitor.open(address)
      expectPage(page, 'store_unavailable', 503)
      expect(page.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      expect(new URL(addressOf(page.body, 'Thử lại')!, world.issuer).href).toBe(address)
      expect(page.body).toContain(`href="${home}"`)
    }
    const form = Object.fromEntries(new URLSearchParams(encode(wish('portal-b'))))
    const posted = await createVisitor().open(`${world.issuer}/auth`, { form })
    expectPage(posted, 'store_unavailable', 503)
    expect(posted.body).toContain('href="http://127.0.0.1:8/"')
    gate.open()
    const isReady = async () => (await fetch(`${world.operationsUrl}/health/ready`)).status
    await expect.poll(isReady, { timeout: 20_000 }).toBe(200)
    const again = await known.visitor.open(callback, { until: toPortal })
    expect((await portal.redeem(again.url, begun)).claims()).toBeDefined()
  },
)
