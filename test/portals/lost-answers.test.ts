/** An answer of the token endpoint that got lost on its way: the same portal may ask for it again. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as client from 'openid-client'
import { signer } from '../support/keys.ts'
import {
  basic,
  codeFor,
  newSigner,
  post,
  proof,
  redeem,
  type Reply,
  tokensFor,
  userinfo,
} from '../support/wire.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

const engines = [
  ['the process', await openWorld({ state: 'embedded' })],
  ['the server', await openWorld()],
] as const
for (const [, world] of engines)
  await world.register(
    portalDefinition('portal-a'),
    portalDefinition('portal-b'),
    portalDefinition('bound', { dpop_bound_access_tokens: true }),
  )
afterEach(() => void vi.useRealTimers())

const refused = { status: 400, body: { error: 'invalid_grant' } }
const refresh = (world: World, token: unknown, changes = {}, headers = basic('portal-a')) =>
  post(world, '/token', { grant_type: 'refresh_token', refresh_token: String(token), ...changes }, headers)
/** What is meant by the same answer. */
const same = ({ status, body }: Reply) => ({ status, body })
const isAlive = async (world: World, { body }: Reply) =>
  (await userinfo(world, String(body['access_token']))).status === 200
/** Moves the clock of the broker. */
function pass(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

describe.each(engines)('a portal that gets no answer (state in %s)', (_name, world) => {
  test('repeats its request with the code and gets the same tokens, as often as it needs, and they work', async () => {
    const code = await codeFor(world, 'portal-a')
    const lost = await redeem(world, 'portal-a', code)
    expect(lost.status).toBe(200)
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await redeem(world, 'portal-a', code)).toMatchObject(same(lost))
    expect(await isAlive(world, lost)).toBe(true)
    expect((await refresh(world, lost.body['refresh_token'])).status).toBe(200)
  })

  test('repeats its request with the refresh token and gets the same tokens, and they work', async () => {
    const { refresh_token: token } = await tokensFor(world, 'portal-a')
    const lost = await refresh(world, token)
    expect(lost.status).toBe(200)
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await refresh(world, token)).toMatchObject(same(lost))
    expect(await isAlive(world, lost)).toBe(true)
    const next = await refresh(world, lost.body['refresh_token'])
    expect(next.status).toBe(200)
    expect(await refresh(world, lost.body['refresh_token'])).toMatchObject(same(next))
  })

  test('cannot repeat its request after ten seconds: that is reuse, and ends the grant', async () => {
    const code = await codeFor(world, 'portal-a')
    const lost = await redeem(world, 'portal-a', code)
    const { refresh_token: token } = await tokensFor(world, 'portal-a')
    const renewed = await refresh(world, token)
    pass(11)
    expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
    expect(await refresh(world, token)).toMatchObject(refused)
    expect([await isAlive(world, lost), await isAlive(world, renewed)]).toEqual([false, false])
  })

  test('cannot repeat its request once it has used a token of the answer: that is reuse', async () => {
    const uses: ((world: World, answer: Reply) => Promise<unknown>)[] = [
      isAlive,
      (_, { body }) =>
        post(world, '/token/introspection', { token: String(body['access_token']) }, basic('portal-a')),
      (_, { body }) => refresh(world, body['refresh_token']),
    ]
    for (const use of uses) {
      const code = await codeFor(world, 'portal-a')
      const first = await redeem(world, 'portal-a', code)
      await use(world, first)
      expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
      expect(await isAlive(world, first)).toBe(false)

      const { refresh_token: token } = await tokensFor(world, 'portal-a')
      const renewed = await refresh(world, token)
      await use(world, renewed)
      expect(await refresh(world, token)).toMatchObject(refused)
      expect(await isAlive(world, renewed)).toBe(false)
    }
  })

  test('gets nothing for a code with another verifier, address or portal: that is reuse', async () => {
    const changes: [id: string, fields: Record<string, string>][] = [
      ['portal-a', { code_verifier: 'w'.repeat(43) }],
      ['portal-a', { redirect_uri: 'http://127.0.0.1:9/other' }],
      ['portal-b', {}],
    ]
    for (const [id, fields] of changes) {
      const code = await codeFor(world, 'portal-a')
      const lost = await redeem(world, 'portal-a', code)
      expect(await redeem(world, id, code, fields)).toMatchObject(refused)
      expect(await isAlive(world, lost)).toBe(false)
      expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
    }
  })

  test('gets nothing for a refresh token with another scope or portal, or without its secret', async () => {
    const { refresh_token: token } = await tokensFor(world, 'portal-a')
    const lost = await refresh(world, token)
    const stranger = await refresh(world, token, {}, basic('portal-a', 'x'.repeat(32)))
    expect(stranger).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(await refresh(world, token, {}, basic('portal-b'))).toMatchObject(refused)
    expect(await refresh(world, token)).toMatchObject(same(lost))
    expect(await refresh(world, token, { scope: 'openid' })).toMatchObject(refused)
    expect(await isAlive(world, lost)).toBe(false)
  })

  test('that has bound its tokens to a key repeats its request with a new proof of the same key only', async () => {
    const [owner, thief] = [await newSigner(), await newSigner()]
    const headers = async (key = owner) => ({
      ...basic('bound'),
      dpop: await proof(key, 'POST', `${world.issuer}/token`),
    })
    const code = await codeFor(world, 'bound')
    const lost = await redeem(world, 'bound', code, {}, await headers())
    expect(lost).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    const again = await headers()
    expect(await redeem(world, 'bound', code, {}, again)).toMatchObject(same(lost))
    // The same proof once more is a replay of the request.
    expect(await redeem(world, 'bound', code, {}, again)).toMatchObject(refused)
    expect(await redeem(world, 'bound', code, {}, await headers())).toMatchObject(same(lost))
    expect(await redeem(world, 'bound', code, {}, await headers(thief))).toMatchObject(refused)
    expect(await refresh(world, lost.body['refresh_token'], {}, await headers())).toMatchObject(refused)
  })

  test('gets nothing once it has revoked the tokens of the answer', async () => {
    const code = await codeFor(world, 'portal-a')
    const lost = await redeem(world, 'portal-a', code)
    await post(world, '/token/revocation', { token: String(lost.body['refresh_token']) }, basic('portal-a'))
    expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
  })
})

const [, [, world]] = engines

test('a portal whose connection breaks after the broker has answered gets its tokens at the next attempt', async () => {
  const { hostname, port } = new URL(world.issuer)
  let lost = 0
  // Passes requests on, and breaks the connection in place of the answer.
  const way = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.on('error', () => {}).pipe(far)
    far.on('error', () => {}).on('data', () => (lost++, near.destroy(), far.destroy()))
  }).listen(0, '127.0.0.1')
  await once(way, 'listening')
  const broken = { ...world, issuer: `http://127.0.0.1:${(way.address() as AddressInfo).port}` }

  const code = await codeFor(world, 'portal-a')
  await expect(redeem(broken, 'portal-a', code)).rejects.toThrow('fetch failed')
  const { status, body } = await redeem(world, 'portal-a', code)
  expect(status).toBe(200)
  await expect(refresh(broken, body['refresh_token'])).rejects.toThrow('fetch failed')
  const renewed = await refresh(world, body['refresh_token'])
  expect(await isAlive(world, renewed)).toBe(true)
  expect(lost).toBe(2)
  way.close()
})

test('a portal that signs its assertions signs a new one to repeat its request', async () => {
  const { privateKey, jwks } = await signer()
  await world.register(
    portalDefinition('with-key', {
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    }),
  )
  const portal = await world.portal({ clientId: 'with-key', auth: client.PrivateKeyJwt(privateKey) })
  const { begun, page } = await portal.ask()
  const lost = await portal.redeem(page.url, begun)
  expect(await portal.redeem(page.url, begun)).toEqual(lost)
})

test('a FAPI portal cannot repeat a code, as its profile demands, and can repeat a refresh, which uses nothing up', async () => {
  const { privateKey, jwks } = await signer()
  await world.register(
    portalDefinition('fapi', {
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      policy: { profile: 'fapi2' },
    }),
  )
  const portal = await world.portal({
    clientId: 'fapi',
    auth: client.PrivateKeyJwt(privateKey, {
      [client.modifyAssertion]: (_, claims) => (claims['aud'] = world.issuer),
    }),
    par: true,
    dpop: await client.randomDPoPKeyPair('ES256'),
  })
  const { tokens } = await portal.signIn()
  for (let attempt = 0; attempt < 2; attempt++)
    expect((await portal.refresh(tokens.refresh_token)).access_token).toBeTruthy()
  const { begun, page } = await portal.ask()
  const first = await portal.redeem(page.url, begun)
  await expect(portal.redeem(page.url, begun)).rejects.toMatchObject({ error: 'invalid_grant' })
  await expect(portal.userinfo(first.access_token)).rejects.toMatchObject({ status: 401 })
})

test('without a grace every second use is reuse', async () => {
  await world.restart({ TOKEN_RETRY_GRACE: '0' })
  const code = await codeFor(world, 'portal-a')
  expect((await redeem(world, 'portal-a', code)).status).toBe(200)
  expect(await redeem(world, 'portal-a', code)).toMatchObject(refused)
  await world.restart({ TOKEN_RETRY_GRACE: '10' })
})
