/** Refused uses of codes and refresh tokens. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openWorld, portalDefinition } from '../support/world.ts'
import {
  ask,
  basic,
  codeFor,
  post,
  redeem,
  type Reply,
  tokensFor,
  userinfo,
  verifier,
  wish,
} from '../support/wire.ts'

const world = await openWorld()
await world.register(
  portalDefinition('portal-a'),
  portalDefinition('portal-b'),
  portalDefinition('old-software', { policy: { pkce_exemption: 'cổng cũ, thay trước 2027 (test)' } }),
)
const refresh = (id: string, token: string, changes = {}) =>
  post(world, '/token', { grant_type: 'refresh_token', refresh_token: token, ...changes }, basic(id))
const refused = { status: 400, body: { error: 'invalid_grant' } }

describe('PKCE', () => {
  test('a request without PKCE is refused before the trip to VNeID', async () => {
    const before = world.simulator.requests.authorize
    const bare = { code_challenge: undefined, code_challenge_method: undefined }
    const { heard } = await ask(world, wish('portal-a', bare))
    expect(heard).toMatchObject({ error: 'invalid_request', state: 'st-1', iss: world.issuer })
    expect(heard).not.toHaveProperty('code')
    expect(world.simulator.requests.authorize).toBe(before)
  })

  test('plain PKCE is refused, named or by default', async () => {
    for (const method of ['plain', undefined]) {
      const { heard } = await ask(
        world,
        wish('portal-a', { code_challenge: verifier, code_challenge_method: method }),
      )
      expect(heard).toMatchObject({ error: 'invalid_request', state: 'st-1', iss: world.issuer })
    }
  })

  test('a code with a wrong or missing verifier is refused, and the attempt spends it', async () => {
    for (const given of ['w'.repeat(43), undefined, '', verifier.slice(0, 42)]) {
      const code = await codeFor(world, 'portal-a')
      const wrong = await redeem(world, 'portal-a', code, { code_verifier: given })
      expect(wrong).toMatchObject({
        status: 400,
        body: { error: expect.stringMatching(/^invalid_(grant|request)$/) },
      })
      expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
    }
  })

  test('a portal with a registered exemption may omit PKCE, and the exemption is audited with its reason', async () => {
    const code = await codeFor(world, 'old-software', {
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    expect((await redeem(world, 'old-software', code, { code_verifier: undefined })).status).toBe(200)
    const [row] = await world.db.query<{ detail: Record<string, string> }>(
      `select detail from audit_event where event = 'client.created' and client_id = 'old-software'`,
    )
    expect(row?.detail).toMatchObject({ pkce_exemption: 'cổng cũ, thay trước 2027 (test)' })
  })

  test('an exemption allows no downgrade: a challenge needs its verifier, and a verifier without a challenge is refused', async () => {
    const challenged = await codeFor(world, 'old-software')
    expect(await redeem(world, 'old-software', challenged, { code_verifier: undefined })).toMatchObject(
      refused,
    )
    const bare = await codeFor(world, 'old-software', {
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    expect(await redeem(world, 'old-software', bare)).toMatchObject(refused)
    const plain = await ask(
      world,
      wish('old-software', { code_challenge: verifier, code_challenge_method: 'plain' }),
    )
    expect(plain.heard).toMatchObject({ error: 'invalid_request' })
  })
})

describe('codes and refresh tokens', () => {
  test('a replayed code is refused, and the tokens of the first redemption become invalid', async () => {
    const code = await codeFor(world, 'portal-a')
    const first = await redeem(world, 'portal-a', code)
    const { access_token: access, refresh_token: refreshToken } = first.body as Record<string, string>
    expect((await userinfo(world, access!)).status).toBe(200)
    expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
    expect(await userinfo(world, access!)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(await refresh('portal-a', refreshToken!)).toMatchObject(refused)
    const introspected = await post(world, '/token/introspection', { token: access }, basic('portal-a'))
    expect(introspected.body).toEqual({ active: false })
  })

  test('a code that is replayed long after it expired still ends the tokens issued for it', async () => {
    const code = await codeFor(world, 'portal-a')
    const { access_token: access } = (await redeem(world, 'portal-a', code)).body as Record<string, string>
    vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
    onTestFinished(() => void vi.useRealTimers())
    vi.setSystemTime(Date.now() + 5 * 60_000)
    expect((await userinfo(world, access!)).status).toBe(200)
    expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
    expect(await userinfo(world, access!)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  })

  test('a code is refused for another portal, even if that portal knows everything about it', async () => {
    const code = await codeFor(world, 'portal-a')
    expect(await redeem(world, 'portal-b', code)).toMatchObject(refused)
  })

  test('a code is refused with another redirect URI than the one it was sent to', async () => {
    const code = await codeFor(world, 'portal-a')
    expect(await redeem(world, 'portal-a', code, { redirect_uri: 'http://127.0.0.1:9/cb/' })).toMatchObject(
      refused,
    )
    const missing = await redeem(world, 'portal-a', await codeFor(world, 'portal-a'), {
      redirect_uri: undefined,
    })
    expect(missing).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('a refresh token is refused for another portal, and its second use ends the whole grant', async () => {
    const { refresh_token: first } = await tokensFor(world, 'portal-a')
    expect(await refresh('portal-b', first)).toMatchObject(refused)
    const second = await refresh('portal-a', first)
    expect(second.status).toBe(200)
    const { access_token: access, refresh_token: newest } = second.body as Record<string, string>
    // The answer has arrived; see `lost-answers.test.ts`.
    expect((await userinfo(world, access!)).status).toBe(200)
    expect(await refresh('portal-a', first)).toMatchObject(refused)
    expect((await userinfo(world, access!)).status).toBe(401)
    expect(await refresh('portal-a', newest!)).toMatchObject(refused)
  })

  test('a refresh never extends the scope', async () => {
    const { refresh_token: token } = await tokensFor(world, 'portal-a')
    expect(await refresh('portal-a', token, { scope: 'openid profile citizen_id' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    })
  })

  test('a token of another portal can be neither introspected nor revoked', async () => {
    const { access_token: access } = await tokensFor(world, 'portal-a')
    const introspected = await post(world, '/token/introspection', { token: access }, basic('portal-b'))
    expect(introspected.body).toEqual({ active: false })
    await post(world, '/token/revocation', { token: access }, basic('portal-b'))
    expect((await userinfo(world, access)).status).toBe(200)
  })
})

describe.each(['memory:', undefined])('in parallel (state: %s)', async (memory) => {
  const crowd = memory === undefined ? world : await openWorld({ state: 'embedded' })
  if (crowd !== world) await crowd.register(portalDefinition('portal-a'))
  const losers = (replies: Reply[]) =>
    replies
      .filter(({ status }) => status !== 200)
      .map(({ status, body }) => `${status} ${String(body['error'])}`)

  test('of 40 redemptions of one code exactly one issues tokens, and all others get these or end them', async () => {
    for (const fields of [{}, { code_verifier: 'w'.repeat(43) }]) {
      const code = await codeFor(crowd, 'portal-a')
      const replies = await Promise.all([
        redeem(crowd, 'portal-a', code),
        ...Array.from({ length: 39 }, () => redeem(crowd, 'portal-a', code, fields)),
      ])
      const winners = replies.filter(({ status }) => status === 200).map(({ text }) => text)
      expect(new Set(winners).size).toBeLessThanOrEqual(1)
      const isReused = winners.length < replies.length
      expect(new Set(losers(replies))).toEqual(new Set(isReused ? ['400 invalid_grant'] : []))
      for (const winner of winners) {
        const { access_token: access } = JSON.parse(winner) as Record<string, string>
        expect((await userinfo(crowd, access!)).status).toBe(isReused ? 401 : 200)
      }
    }
  })

  test('of 40 uses of one refresh token at most one issues tokens', async () => {
    const { refresh_token: token } = await tokensFor(crowd, 'portal-a')
    const fields = { grant_type: 'refresh_token', refresh_token: token }
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => post(crowd, '/token', fields, basic('portal-a'))),
    )
    expect(
      new Set(replies.filter(({ status }) => status === 200).map(({ text }) => text)).size,
    ).toBeLessThanOrEqual(1)
    expect(['', '400 invalid_grant']).toContain([...new Set(losers(replies))].join())
  })
})
