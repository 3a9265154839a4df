/** A login on every combination of stores, and while brokers are killed, stopped and started. */
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { type BrokerProcess, openProxy, startBroker } from '../support/broker-process.ts'
import { press } from '../support/portal.ts'
import { startRedis } from '../support/private-servers.ts'
import { openWorld, portalAddress, portalDefinition, secretOf, type World } from '../support/world.ts'

const postgres = inject('databaseUrl') !== undefined
const redis = inject('redisUrl') !== undefined
const cluster = inject('redisClusterUrl') !== undefined
const atPortal = (url: string) => url.startsWith(portalAddress)
const scope = 'openid profile citizen_id legacy_accounts'

describe.each([
  { database: 'server', state: 'server', stores: 'PostgreSQL and Redis', here: postgres && redis },
  { database: 'server', state: 'cluster', stores: 'PostgreSQL and Redis Cluster', here: postgres && cluster },
  { database: 'server', state: 'embedded', stores: 'PostgreSQL and memory', here: postgres },
  { database: 'embedded', state: 'server', stores: 'the embedded database and Redis', here: redis },
  { database: 'embedded', state: 'embedded', stores: 'the embedded database and memory', here: true },
] as const)('on $stores', ({ here, ...engines }) => {
  let world: World
  beforeAll(async () => {
    if (!here) return
    world = await openWorld({ ...engines, dialect: 'vneid' })
    await world.register(portalDefinition('portal-a'), portalDefinition('portal-b'))
    const { number } = citizenNamed('an')
    await world.legacyAccount({ clientId: 'portal-a', accountId: 'old-1', number })
  })
  afterAll(() => world?.close())

  test.skipIf(!here).for(['vneid', 'oidc'] as const)(
    'a citizen logs in through the %s dialect',
    { timeout: 120_000 },
    async (dialect) => {
      if (dialect === 'oidc') await world.restart(toOidc(world))
      const trips = world.simulator.requests.authorize
      const [a, b] = [
        await world.portal({ clientId: 'portal-a', scope }),
        await world.portal({ clientId: 'portal-b', scope }),
      ]

      const first = await a.signIn()
      expect(await a.userinfo(first.tokens.access_token, first.claims.sub)).toEqual({
        sub: first.claims.sub,
        kind: 'citizen',
        acr: 'urn:vneid:2',
        name: citizenNamed('an').name,
        birthdate: citizenNamed('an').birthDate,
        gender: 'male',
        citizen_id: citizenNamed('an').number,
        legacy_accounts: [
          {
            id: 'old-1',
            method: 'attested_number',
            linked_at: expect.stringMatching(/^20\d\d-/) as string,
            primary: false,
          },
        ],
      })
      const refreshed = await a.refresh(first.tokens.refresh_token)
      expect(refreshed.access_token).not.toBe(first.tokens.access_token)

      const second = await b.signIn({}, first.visitor)
      expect(await b.userinfo(second.tokens.access_token, second.claims.sub)).toMatchObject({
        legacy_accounts: [],
      })
      expect(world.simulator.requests.authorize).toBe(trips + 1)

      const begun = await a.ask({}, first.visitor)
      const redeemed = await a.redeem(begun.page.url, begun.begun)
      // The answer has arrived, so the next use is a replay.
      await a.userinfo(redeemed.access_token, first.claims.sub)
      await expect(a.redeem(begun.page.url, begun.begun)).rejects.toMatchObject({ error: 'invalid_grant' })
      await expect(a.userinfo(refreshed.access_token)).rejects.toMatchObject({ status: 401 })
      expect(await world.db.query(`select 1 from subject`)).toHaveLength(1)
    },
  )
})

/** Settings that switch a world of the direct dialect to OpenID Connect with the same simulator. */
const toOidc = ({ simulator }: World) => ({
  UPSTREAM_DIALECT: 'oidc',
  UPSTREAM_ISSUER: simulator.issuer,
  UPSTREAM_AUTHORIZATION_ENDPOINT: '',
  UPSTREAM_TOKEN_ENDPOINT: '',
  UPSTREAM_USERINFO_ENDPOINT: '',
  UPSTREAM_END_SESSION_ENDPOINT: '',
})

describe.skipIf(!postgres || !redis)('brokers on PostgreSQL and Redis (needs both)', async () => {
  if (!postgres || !redis) return
  const proxy = await openProxy()
  const world = await openWorld({ database: 'server', state: 'server', environment: { ISSUER: proxy.url } })
  const own = `http://127.0.0.1:${world.config.listen.port}`
  proxy.to(own)
  await world.register(portalDefinition('portal-a'), portalDefinition('portal-b'))
  const a = await world.portal({ clientId: 'portal-a' })
  const b = await world.portal({ clientId: 'portal-b' })

  test(
    'a broker that receives SIGTERM is not ready, completes requests in flight, and exits with 0',
    { timeout: 60_000 },
    async () => {
      const broker = await startBroker({ ...world.settings, SHUTDOWN_GRACE: '20' })
      proxy.to(broker.url)
      const { page, begun } = await a.ask()
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(page.url).searchParams.get('code')!,
        redirect_uri: portalAddress,
        code_verifier: begun.verifier,
        client_id: 'portal-a',
        client_secret: secretOf('portal-a'),
      }).toString()
      // A browser keeps its connection open after the answer; the broker must not wait for it.
      await (await fetch(`${broker.url}/jwks`)).text()
      const half = request(`${broker.url}/token`, {
        method: 'POST',
        agent: new Agent({ keepAlive: true, timeout: 60_000 }),
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length },
      })
      const reply = new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        half.once('error', reject)
        half.once('response', (response) => {
          void text(response).then((body) => resolve({ status: response.statusCode, body }))
        })
      })
      half.write(form.slice(0, 20))
      await sleep(200)

      const told = Date.now()
      broker.kill('SIGTERM')
      const readiness = async () => {
        const answer = await fetch(`${broker.operationsUrl}/health/ready`)
        return { status: answer.status, body: await answer.json() }
      }
      await expect.poll(readiness).toEqual({ status: 503, body: { status: 'draining' } })
      expect((await fetch(`${broker.operationsUrl}/health/live`)).status).toBe(200)
      await expect(fetch(`${broker.url}/jwks`)).rejects.toThrow('fetch failed')
      half.end(form.slice(20))
      const { status, body } = await reply
      expect([status, Object.keys(JSON.parse(body) as object)]).toEqual([
        200,
        expect.arrayContaining(['id_token']),
      ])
      expect(await broker.ended).toBe(0)
      expect(Date.now() - told).toBeLessThan(10_000)
    },
  )

  test(
    'a broker that is killed between any two steps of a login and started again continues the login',
    { timeout: 180_000 },
    async () => {
      let broker: BrokerProcess | undefined
      const restart = async () => {
        broker?.kill('SIGKILL')
        await broker?.ended
        broker = await startBroker(world.settings)
        proxy.to(broker.url)
      }
      await restart()
      const visitor = createVisitor()
      const begun = await a.begin()
      const atVneid = await visitor.open(begun.url, {
        until: (url) => url.startsWith(world.simulator.issuer),
      })
      await restart()
      const home = await visitor.open(atVneid.url, {
        until: (url) => url.startsWith(`${world.issuer}/callback`),
      })
      await restart()
      const answer = await visitor.open(home.url, { until: atPortal })
      await restart()
      const tokens = await a.redeem(answer.url, begun)
      await restart()
      expect(await a.userinfo(tokens.access_token)).toMatchObject({ name: citizenNamed('an').name })
      await restart()
      const refreshed = await a.refresh(tokens.refresh_token)
      await restart()
      expect(await a.userinfo(refreshed.access_token)).toMatchObject({ name: citizenNamed('an').name })
      const trips = world.simulator.requests.authorize
      const second = await b.signIn({}, visitor)
      expect(world.simulator.requests.authorize).toBe(trips)
      await restart()
      const url = client.buildEndSessionUrl(b.config, { id_token_hint: second.tokens.id_token! })
      const question = await visitor.open(url.href)
      await restart()
      await press(visitor, question, { logout: 'yes' })
      await expect(b.userinfo(second.tokens.access_token)).rejects.toMatchObject({ status: 401 })
      await expect(a.refresh(refreshed.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
      broker?.kill('SIGKILL')
    },
  )

  test(
    'two brokers on the same stores can serve alternate requests of one login',
    { timeout: 60_000 },
    async () => {
      const other = await startBroker(world.settings)
      // In both orders, so that each broker serves each step.
      for (const targets of [
        [own, other.url],
        [other.url, own],
      ]) {
        proxy.to(...targets)
        proxy.answered.length = 0
        const { visitor, tokens, claims } = await a.signIn()
        await a.userinfo(tokens.access_token, claims.sub)
        await a.refresh(tokens.refresh_token)
        expect(proxy.answered).toEqual(proxy.answered.map((_, index) => targets[index % 2]))
        expect(proxy.answered.length).toBeGreaterThanOrEqual(5)
        const { page, begun } = await a.ask({}, visitor)
        const races = await Promise.allSettled([a.redeem(page.url, begun), a.redeem(page.url, begun)])
        // The second may get the answer of the first (`portals/lost-answers.test.ts`), and never tokens of its own.
        const issued = races.flatMap((race) => (race.status === 'fulfilled' ? [race.value.access_token] : []))
        expect(new Set(issued).size).toBeLessThanOrEqual(1)
      }
      other.kill('SIGKILL')
    },
  )

  test(
    'a portal that is registered while brokers run is known to all of them without a restart',
    { timeout: 60_000 },
    async () => {
      const other = await startBroker(world.settings)
      proxy.to(other.url)
      const newcomer = `${other.url}/auth?client_id=newcomer&response_type=code`
      expect(await (await fetch(newcomer)).text()).not.toContain(portalAddress)
      await world.register(portalDefinition('newcomer'))
      const answer = () =>
        world.portal({ clientId: 'newcomer' }).then((portal) =>
          portal.signIn().then(
            () => 'signed in',
            () => 'unknown',
          ),
        )
      await expect.poll(answer, { timeout: 20_000, interval: 200 }).toBe('signed in')
      other.kill('SIGKILL')
    },
  )

  test('a broker that cannot start prints the reason and exits, whatever it has already connected to', async () => {
    // An address that no machine has (RFC 5737).
    const started = startBroker({ ...world.settings, HOST: '192.0.2.1' })
    await expect(started).rejects.toThrow('EADDRNOTAVAIL')
  })
})

test.skipIf(!redis)(
  'readiness names an unreachable store, the citizen sees a page about it, and both recover with the store (needs Redis)',
  async () => {
    const first = await startRedis()
    const world = await openWorld({ environment: { STATE_URL: first!.url } })
    await world.register(portalDefinition('portal-a'))
    const portal = await world.portal({ clientId: 'portal-a' })
    const readiness = async () => (await fetch(`${world.operationsUrl}/health/ready`)).json()
    expect(await readiness()).toEqual({ status: 'ready' })
    const { visitor } = await portal.signIn()
    await first!.stop()
    expect(await readiness()).toEqual({ status: 'not ready', missing: ['state'] })
    const page = await createVisitor().open((await portal.begin()).url)
    expect([page.status, page.body.includes('store_unavailable')]).toEqual([503, true])
    // With a session the engine meets the fault first: the citizen sees the same page, and the log has one line.
    const begun = world.logLines.length
    const inside = await visitor.open((await portal.begin()).url)
    expect([inside.status, inside.body.includes('store_unavailable')]).toEqual([503, true])
    const failed = world.logLines.slice(begun).filter((line) => line.includes('request.failed'))
    expect(failed.map((line) => (JSON.parse(line) as { failure: string }).failure)).toEqual([
      'store_unavailable',
    ])

    const again = await startRedis('--port', new URL(first!.url).port)
    await expect.poll(readiness, { timeout: 10_000 }).toEqual({ status: 'ready' })
    await portal.signIn()
    await again!.stop()
  },
)
