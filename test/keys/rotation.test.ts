/** Rotates signing keys on two nodes under load. Portals can always verify the signatures. */
import { type JSONWebKeySet, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { retireOldKeys, rotateDueKeys } from '../../src/oidc/keys.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { openProxy } from '../support/broker-process.ts'
import { openNode } from '../support/node.ts'
import type { Portal } from '../support/portal.ts'
import { openStream } from '../support/login/stream.ts'
import { encode, wish } from '../support/wire.ts'
import { type World, openWorld, portalDefinition } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
const log = createLog({ level: 'silent' })

interface Listed {
  readonly kid: string
  readonly alg: string
  readonly state: string
}
const listed = async (officer: AdminClient, alg = 'ES256') => {
  const { keys } = await officer.call<{ keys: Listed[] }>('GET', '/v1/keys')
  return Object.fromEntries(keys.filter((key) => key.alg === alg).map(({ kid, state }) => [state, kid]))
}
const jwksOf = async (url: string) => (await (await fetch(`${url}/jwks`)).json()) as JSONWebKeySet
const kidsOf = (jwks: JSONWebKeySet, alg = 'ES256') =>
  jwks.keys.filter((key) => key.alg === alg).map(({ kid }) => kid)
/** Verifies as a portal that fetched the keys some time ago and does not fetch them again. */
const accepts = async (cached: JSONWebKeySet, token: string, issuer: string) =>
  void (await jwtVerify(token, createLocalJWKSet(cached), { issuer }))
const kidOf = (token: string) => decodeProtectedHeader(token).kid
/** The calendar uses the clock of the database. Moving the stored times simulates the passing of an hour. */
const hoursPass = (world: World, hours: number) =>
  world.db.query('update signing_key set sign_from = sign_from - make_interval(mins => $1)', [hours * 60])

describe.skipIf(isMissing)('two nodes (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const proxy = await openProxy()
  const periods = { renewal: 50 }
  const world = await openWorld({
    database: 'server',
    state: 'server',
    environment: { ISSUER: proxy.url },
    periods,
  })
  const first = `http://127.0.0.1:${world.config.listen.port}`
  const other = await openNode(world.settings, { periods })
  const nodes = [first, other.url]
  proxy.to(...nodes)
  await world.register(portalDefinition('portal'))
  await other.refresh()
  /** It keeps the JWKS that it fetches at its first sign-in. */
  const newPortal = () => world.portal({ clientId: 'portal' })
  let portal: Portal = await newPortal()
  const officer = await world.operator('key.officer', ['security_officer'])
  const published = () => Promise.all(nodes.map(async (url) => kidsOf(await jwksOf(url))))
  /** Each node reads the keys independently. */
  const untilAll = (isSo: (kids: (string | undefined)[]) => boolean) =>
    vi.waitFor(async () => expect((await published()).every(isSo)).toBe(true), {
      timeout: 20_000,
      interval: 20,
    })
  /** The error with which each node answers a request with this ID token: `login_required` if its signature is valid. */
  const answersTo = (hint: string) =>
    Promise.all(
      nodes.map(async (url) => {
        const query = encode(wish('portal', { prompt: 'none', id_token_hint: hint }))
        const { headers } = await fetch(`${url}/auth?${query}`, { redirect: 'manual' })
        return new URL(headers.get('location')!).searchParams.get('error')
      }),
    )
  /** Tokens of both nodes, because the proxy alternates between the nodes. */
  const signIn = async () => (await portal.signIn()).tokens.id_token!

  test(
    'a rotation under load fails no login, and every token verifies with the JWKS a portal has cached',
    { timeout: 120_000 },
    async () => {
      const stream = openStream(signIn)
      onTestFinished(() => stream.stop())
      const before = await jwksOf(first)
      const old = (await listed(officer))['current']!
      await stream.more(4)

      const made = await officer.call<Listed>('POST', '/v1/keys', { announce: 3600 })
      expect(made.kid).not.toBe(old)
      await expect(officer.call('POST', '/v1/keys', { announce: 3600 })).rejects.toMatchObject({
        code: 'state_conflict',
      })
      // Announced: both nodes publish the key, and neither signs with it.
      await untilAll((kids) => kids.length === 2 && kids.includes(made.kid))
      await stream.more(8)
      for (const token of stream.done) {
        await accepts(before, token, world.issuer)
        expect(kidOf(token)).toBe(old)
      }
      const cached = await jwksOf(other.url)
      // The JWKS that the portal cached before is older than ten minutes now.
      portal = await newPortal()
      await stream.more(2)

      await hoursPass(world, 1)
      const from = stream.done.length
      await vi.waitFor(() => expect(stream.done.slice(-12).map(kidOf)).toEqual(Array(12).fill(made.kid)), {
        timeout: 60_000,
        interval: 20,
      })
      for (const token of stream.done.slice(from)) await accepts(cached, token, world.issuer)
      // A portal that has just fetched the keys still verifies signatures of the old key.
      const fresh = await jwksOf(first)
      for (const token of stream.done) await accepts(fresh, token, world.issuer)

      await hoursPass(world, 2)
      await untilAll((kids) => kids.length === 1 && kids[0] === made.kid)
      await stream.more(4)
      await stream.stop()
      expect(stream.failed).toEqual([])
      expect(stream.done.length).toBeGreaterThan(20)
    },
  )

  test(
    'a logout with an ID token of a retired key succeeds, and the private half of the key is deleted',
    { timeout: 60_000 },
    async () => {
      portal = await newPortal()
      const { tokens, visitor } = await portal.signIn()
      const kid = kidOf(tokens.id_token!)
      await officer.call('POST', '/v1/keys', { announce: 3600 })
      await hoursPass(world, 4)
      await untilAll((kids) => kids.length === 1 && kids[0] !== kid)
      portal = await newPortal()
      expect(await retireOldKeys({ db: world.db, log })).toContain(kid)
      expect(await world.db.query('select 1 from signing_key where kid = $1', [kid])).toEqual([])
      const ending = new URL(`${world.issuer}/session/end`)
      ending.search = new URLSearchParams({
        id_token_hint: tokens.id_token!,
        post_logout_redirect_uri: 'http://127.0.0.1:9/bye',
      }).toString()
      const page = await visitor.open(ending.href, {
        until: (url) => url.startsWith('http://127.0.0.1:9/bye'),
      })
      expect(page.body).not.toMatch(/request_invalid|không hợp lệ/)
      expect([200, 303]).toContain(page.status)
      expect(await world.db.query(`select 1 from audit_event where event = 'key.retired'`)).not.toEqual([])
    },
  )

  test(
    'a leaked key is removed from the JWKS of every node at once, and logins continue with the next key',
    { timeout: 60_000 },
    async () => {
      const { current: leaked } = await listed(officer)
      const { kid: next } = await officer.call<Listed>('POST', '/v1/keys', { announce: 3600 })
      await untilAll((kids) => kids.includes(next))
      portal = await newPortal()
      const { tokens } = await portal.signIn()
      const told = await officer.call('POST', `/v1/keys/${leaked}/revoke`, { reason: 'seen on a screen' })
      expect(told).toEqual({ revoked: leaked, signs: next })
      await untilAll((kids) => kids.length === 1 && kids[0] === next)
      expect(kidOf(await signIn())).toBe(next)
      await expect(accepts(await jwksOf(first), tokens.id_token!, world.issuer)).rejects.toThrow(
        'no applicable key',
      )
      await vi.waitFor(async () =>
        expect(await answersTo(tokens.id_token!)).toEqual(['invalid_request', 'invalid_request']),
      )
      await expect(
        officer.call('POST', `/v1/keys/${leaked}/revoke`, { reason: 'again' }),
      ).rejects.toMatchObject({ code: 'not_found' })
    },
  )

  test(
    'if the only earlier key is no longer published when a key leaks, a new key signs',
    { timeout: 60_000 },
    async () => {
      const { current: gone } = await listed(officer)
      const { kid: leaked } = await officer.call<Listed>('POST', '/v1/keys', { announce: 3600 })
      await hoursPass(world, 4)
      const { signs } = await officer.call<{ signs: string }>('POST', `/v1/keys/${leaked}/revoke`, {
        reason: 'lost',
      })
      expect([gone, leaked]).not.toContain(signs)
      expect(await listed(officer)).toEqual({ current: signs })
      await untilAll((kids) => kids.length === 1 && kids[0] === signs)
      portal = await newPortal()
    },
  )

  test(
    'a running node no longer accepts signatures of a retired key that has leaked',
    { timeout: 60_000 },
    async () => {
      const { tokens } = await portal.signIn()
      const kid = kidOf(tokens.id_token!)!
      await officer.call('POST', '/v1/keys', { announce: 3600 })
      await hoursPass(world, 4)
      await retireOldKeys({ db: world.db, log })
      await untilAll((kids) => kids.length === 1 && kids[0] !== kid)
      portal = await newPortal()
      const answers = () => answersTo(tokens.id_token!)
      const within = { timeout: 20_000 }
      await vi.waitFor(
        async () => expect(await answers()).toEqual(['login_required', 'login_required']),
        within,
      )
      await officer.call('POST', `/v1/keys/${kid}/revoke`, { reason: 'found in an old backup' })
      await vi.waitFor(
        async () => expect(await answers()).toEqual(['invalid_request', 'invalid_request']),
        within,
      )
    },
  )

  test('if the leaked key was the only one, a new key signs at once', { timeout: 60_000 }, async () => {
    const { current: only } = await listed(officer, 'RS256')
    const { signs } = await officer.call<{ signs: string }>('POST', `/v1/keys/${only}/revoke`, {
      reason: 'lost',
    })
    expect(await listed(officer, 'RS256')).toEqual({ current: signs })
    await vi.waitFor(async () => expect(kidsOf(await jwksOf(first), 'RS256')).toEqual([signs]), {
      timeout: 20_000,
    })
  })

  test(
    'a new algorithm is added without a restart, and is used once every portal can have read its key',
    { timeout: 60_000 },
    async () => {
      const { kid } = await officer.call<Listed>('POST', '/v1/keys', { alg: 'EdDSA' })
      await vi.waitFor(async () => expect(kidsOf(await jwksOf(other.url), 'EdDSA')).toEqual([kid]), {
        timeout: 20_000,
      })
      const register = () =>
        world.register(portalDefinition('edwards', { id_token_signed_response_alg: 'EdDSA' }))
      // A portal's JWKS may be ten minutes old.
      await expect(register()).rejects.toThrow('published for 15 minutes')
      await world.db.query(
        `update signing_key set created_at = created_at - interval '15 minutes' where kid = $1`,
        [kid],
      )
      await register()
      await other.refresh()
      const edwards = await world.portal({
        clientId: 'edwards',
        metadata: { id_token_signed_response_alg: 'EdDSA' },
      })
      expect(kidOf((await edwards.signIn()).tokens.id_token!)).toBe(kid)
    },
  )

  test(
    'if many nodes find a key due at the same time, one of them creates its successor, in time',
    { timeout: 60_000 },
    async () => {
      const tools = {
        db: world.db,
        seal: createSeal(world.config.keys.seal, 'signing key'),
        log,
        actor: 'system',
      }
      expect(await rotateDueKeys(tools, { days: 90 })).toEqual([])
      await hoursPass(world, 90 * 24 - 1)
      expect(await rotateDueKeys(tools, { days: 0 })).toEqual([])
      const made = (
        await Promise.all(Array.from({ length: 4 }, () => rotateDueKeys(tools, { days: 90 })))
      ).flat()
      const algorithms = await world.db.query<{ alg: string }>('select distinct alg from signing_key')
      expect(made).toHaveLength(algorithms.length)
      const { keys } = await officer.call<{ keys: (Listed & { signs_from: string })[] }>('GET', '/v1/keys')
      for (const key of keys.filter(({ state }) => state === 'next'))
        expect(Date.parse(key.signs_from) - Date.now()).toBeGreaterThan(23 * 3_600_000)
    },
  )

  test('no key signs until portals’ cached JWKS from before its publication have expired', async () => {
    await expect(officer.call('POST', '/v1/keys', { announce: 600 })).rejects.toMatchObject({
      code: 'input_invalid',
      detail: expect.stringContaining('at least 900') as string,
    })
  })

  test('portals can read the calendar, and may cache the JWKS for ten minutes', async () => {
    await Promise.all([world.refresh(), other.refresh()])
    const response = await fetch(`${world.issuer}/jwks/calendar`)
    const { keys, cache_seconds: cache } = (await response.json()) as {
      cache_seconds: number
      keys: Record<string, string | null>[]
    }
    expect(cache).toBe(600)
    const jwks = await fetch(`${world.issuer}/jwks`)
    expect(jwks.headers.get('cache-control')).toBe('public, max-age=600')
    expect(jwks.headers.get('access-control-allow-origin')).toBe('*')
    expect(jwks.headers.get('content-type')).toBe('application/jwk-set+json; charset=utf-8')
    const set = (await jwks.json()) as JSONWebKeySet
    expect(new Set(keys.map(({ kid }) => kid))).toEqual(new Set(set.keys.map(({ kid }) => kid)))
    for (const key of set.keys) expect(Object.keys(key)).not.toContain('d')
    const of = (wanted: string) => keys.filter(({ state }) => state === wanted)
    expect(of('next').length).toBeGreaterThan(0)
    for (const { signs_from: from } of of('next')) expect(Date.parse(from!)).toBeGreaterThan(Date.now())
    for (const { signs_until: until } of of('previous')) expect(until).not.toBeNull()
    const again = await fetch(`${world.issuer}/jwks`, {
      headers: { 'if-none-match': jwks.headers.get('etag')!, 'cache-control': 'max-age=0' },
    })
    expect(again.status).toBe(304)
  })
})
