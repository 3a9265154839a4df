/** Refused client authentication and refused DPoP proofs. */
import { createPublicKey, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'
import {
  basic,
  type Claims,
  codeFor,
  hashOf,
  newSigner,
  now,
  post,
  proof,
  redeem,
  send,
  sign,
  signedWithPublicKey,
  unsigned,
  userinfo,
} from '../support/wire.ts'

const world = await openWorld()
const signer = await newSigner()
const other = await newSigner()
const withKey = {
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [signer.jwk] },
  client_secret: undefined,
}
const calls = { grant_types: ['client_credentials'], redirect_uris: [], post_logout_redirect_uris: [] }
await world.register(
  portalDefinition('portal-a'),
  portalDefinition('post', { token_endpoint_auth_method: 'client_secret_post' }),
  portalDefinition('keyed', { ...withKey, ...calls }),
  portalDefinition('pinned', { ...withKey, ...calls, token_endpoint_auth_signing_alg: 'ES256' }),
  portalDefinition('app', { token_endpoint_auth_method: 'none', client_secret: undefined }),
  portalDefinition('bound', { dpop_bound_access_tokens: true }),
)
const credentials = { grant_type: 'client_credentials' }

describe('secrets', () => {
  const refused = { status: 401, body: { error: 'invalid_client' } }

  test.each([
    ['that is wrong', basic('portal-a', 'wrong')],
    ['of another portal', basic('portal-a', secretOf('post'))],
    ['without its last character', basic('portal-a', secretOf('portal-a').slice(0, -1))],
    ['with an extra character', basic('portal-a', `${secretOf('portal-a')}x`)],
    ['of a portal that does not exist', basic('nobody')],
  ])('a secret %s is refused', async (_what, headers) => {
    expect(await redeem(world, 'portal-a', await codeFor(world, 'portal-a'), {}, headers)).toMatchObject(
      refused,
    )
  })

  test('a missing or empty secret, or the stored hash sent as the secret, is refused', async () => {
    const code = await codeFor(world, 'portal-a')
    expect((await redeem(world, 'portal-a', code, { client_id: 'portal-a' }, {})).status).toBe(401)
    expect((await redeem(world, 'portal-a', code, {}, basic('portal-a', ''))).status).toBe(400)
    const stored = Buffer.from(hashOf(secretOf('portal-a')), 'base64url')
    for (const encoding of ['base64url', 'hex', 'base64'] as const) {
      const headers = basic('portal-a', encodeURIComponent(stored.toString(encoding)))
      expect(await redeem(world, 'portal-a', code, {}, headers)).toMatchObject(refused)
    }
    // None of these attempts has spent the code.
    expect((await redeem(world, 'portal-a', code)).status).toBe(200)
  })

  test('two authentication methods, or two client ids, in one request are refused', async () => {
    const code = await codeFor(world, 'portal-a')
    const both = { client_id: 'portal-a', client_secret: secretOf('portal-a') }
    expect(await redeem(world, 'portal-a', code, both)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
    const named = await redeem(world, 'portal-a', code, { client_id: 'post' })
    expect(named).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('a client must use its registered method: a secret is refused for a key, and a key or nothing for a secret', async () => {
    expect(await post(world, '/token', credentials, basic('keyed'))).toMatchObject(refused)
    expect(
      await post(world, '/token', { ...credentials, client_id: 'keyed', client_secret: secretOf('keyed') }),
    ).toMatchObject(refused)
    expect(await post(world, '/token', { ...credentials, client_id: 'keyed' })).toMatchObject(refused)
    const assertion = await sign(signer, { ...claims(), iss: 'portal-a', sub: 'portal-a' })
    expect(await present(assertion)).toMatchObject(refused)
    expect(
      await redeem(world, 'app', await codeFor(world, 'app'), {}, basic('app', 'anything')),
    ).toMatchObject(refused)
  })

  test('a secret in the URL is ignored', async () => {
    const query = `client_id=post&client_secret=${secretOf('post')}`
    const reply = await send(`${world.issuer}/token?${query}`, {
      method: 'POST',
      body: new URLSearchParams(credentials),
    })
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(world.logLines.join('')).not.toContain(secretOf('post'))
  })

  test('an error of the token endpoint is JSON, names no secret, and is not cached', async () => {
    for (const accept of ['application/json', '*/*', 'text/plain']) {
      const reply = await post(world, '/token', credentials, {
        ...basic('portal-a', 'a-wrong-secret'),
        accept,
      })
      expect(reply.status).toBe(401)
      expect(reply.headers.get('content-type')).toContain('application/json')
      expect(reply.headers.get('cache-control')).toContain('no-store')
      expect(reply.headers.get('www-authenticate')).toContain('Basic')
      expect(Object.keys(reply.body).toSorted()).toEqual(['error', 'error_description'])
      expect(reply.text).not.toContain('a-wrong-secret')
    }
  })
})

const claims = (changes: Claims = {}): Claims => ({
  iss: 'keyed',
  sub: 'keyed',
  aud: world.issuer,
  iat: now(),
  exp: now() + 60,
  jti: randomUUID(),
  ...changes,
})
const present = (assertion: string, changes = {}) =>
  post(world, '/token', {
    ...credentials,
    client_assertion: assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    ...changes,
  })

describe('assertions', () => {
  test('a valid assertion is accepted, so each refusal below has the reason that it names', async () => {
    expect((await present(await sign(signer, claims()))).status).toBe(200)
  })

  const pem = createPublicKey({ key: signer.jwk, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
  const refusals: [string, () => Promise<string> | string][] = [
    ['with alg none', () => unsigned(claims())],
    ['signed HS256 with the public key (PEM)', () => signedWithPublicKey(signer, claims(), pem)],
    [
      'signed HS256 with the public key (JWK)',
      () => signedWithPublicKey(signer, claims(), JSON.stringify(signer.jwk)),
    ],
    [
      'with alg none of a portal whose algorithm is pinned',
      () => unsigned(claims({ iss: 'pinned', sub: 'pinned' })),
    ],
    [
      'signed by another key',
      () => sign({ ...other, jwk: { ...other.jwk, kid: signer.jwk.kid! } }, claims()),
    ],
    ['for another audience', () => sign(signer, claims({ aud: 'https://other.example' }))],
    [
      'for an audience that begins with our issuer',
      () => sign(signer, claims({ aud: `${world.issuer}.evil.example` })),
    ],
    ['without aud', () => sign(signer, claims({ aud: undefined }))],
    ['that has expired', () => sign(signer, claims({ exp: now() - 60, iat: now() - 120 }))],
    ['without exp', () => sign(signer, claims({ exp: undefined }))],
    ['that would be valid for years', () => sign(signer, claims({ exp: now() + 3 * 365 * 86_400 }))],
    ['that is not valid yet', () => sign(signer, claims({ nbf: now() + 300 }))],
    ['without jti', () => sign(signer, claims({ jti: undefined }))],
    ['by another issuer', () => sign(signer, claims({ iss: 'portal-a' }))],
    ['whose signature was removed', async () => (await sign(signer, claims())).replace(/[^.]+$/, '')],
  ]
  test.each(refusals)('an assertion %s is refused', async (_what, make) => {
    const reply = await present(await make())
    expect(reply).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(reply.text).not.toMatch(/eyJ|access_token/)
  })

  test('an assertion of another type, or a malformed one, is refused', async () => {
    const saml = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }
    expect((await present(await sign(signer, claims()), saml)).status).toBe(400)
    expect((await present('not-a-jwt')).status).toBe(400)
  })

  test('an assertion is refused the second time, even if the first request failed', async () => {
    const assertion = await sign(signer, claims())
    expect((await present(assertion)).status).toBe(200)
    expect(await present(assertion)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    const failing = await sign(signer, claims())
    expect((await present(failing, { grant_type: 'password' })).status).toBe(400)
    expect(await present(failing)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  test('of 20 parallel uses of one assertion exactly one succeeds', async () => {
    const assertion = await sign(signer, claims())
    const replies = await Promise.all(Array.from({ length: 20 }, () => present(assertion)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(19)
  })
})

describe('DPoP', () => {
  const key = signer
  const tokenUrl = `${world.issuer}/token`
  const me = `${world.issuer}/me`
  const boundTokens = async () => {
    const dpop = await proof(key, 'POST', tokenUrl)
    const { body } = await redeem(
      world,
      'bound',
      await codeFor(world, 'bound'),
      {},
      { ...basic('bound'), dpop },
    )
    expect(body).toMatchObject({ token_type: 'DPoP' })
    return body as { access_token: string; refresh_token: string }
  }
  const show = async (access: string, dpop: string) =>
    send(me, { headers: { authorization: `DPoP ${access}`, dpop } })
  const ath = (access: string) => ({ ath: hashOf(access) })
  const refused = {
    status: 401,
    body: { error: expect.stringMatching(/^(invalid_token|invalid_dpop_proof|use_dpop_nonce)$/) as string },
  }

  test('a token bound to a key is refused as a plain bearer token', async () => {
    const { access_token: access } = await boundTokens()
    expect((await show(access, await proof(key, 'GET', me, ath(access)))).status).toBe(200)
    expect(await userinfo(world, access)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(await send(me, { headers: { authorization: `DPoP ${access}` } })).toMatchObject({
      status: expect.any(Number),
      body: { error: expect.stringMatching(/^invalid_/) },
    })
  })

  test('a proof used twice is refused, in sequence and in parallel', async () => {
    const { access_token: access } = await boundTokens()
    const once = await proof(key, 'GET', me, ath(access))
    expect((await show(access, once)).status).toBe(200)
    expect(await show(access, once)).toMatchObject(refused)
    const many = await proof(key, 'GET', me, ath(access))
    const replies = await Promise.all(Array.from({ length: 20 }, () => show(access, many)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test.each<[string, (access: string) => Promise<string> | string]>([
    ['for another URL', (access) => proof(key, 'GET', 'https://other.example/me', ath(access))],
    ['for another endpoint of the broker', (access) => proof(key, 'GET', tokenUrl, ath(access))],
    ['for another method', (access) => proof(key, 'POST', me, ath(access))],
    ['for another token', () => proof(key, 'GET', me, ath('another'))],
    ['without ath', () => proof(key, 'GET', me)],
    ['of another key', (access) => proof(other, 'GET', me, ath(access))],
    ['that is old', (access) => proof(key, 'GET', me, { iat: now() - 3600, ...ath(access) })],
    ['from the future', (access) => proof(key, 'GET', me, { iat: now() + 3600, ...ath(access) })],
    ['that is not a JWT', () => 'x.y.z'],
  ])('a proof %s is refused', async (_what, make) => {
    const { access_token: access } = await boundTokens()
    expect(await show(access, await make(access))).toMatchObject(refused)
  })

  test('a portal registered for bound tokens gets no token without a proof, and can refresh only with its key', async () => {
    const bare = await redeem(world, 'bound', await codeFor(world, 'bound'))
    expect(bare).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^invalid_(grant|request|dpop_proof)$/) },
    })
    expect(bare.text).not.toContain('access_token')
    const { access_token: access } = await boundTokens()
    expect((await show(access, await proof(other, 'GET', me, ath(access)))).status).toBe(401)
  })

  test('a refresh token of a phone app is bound to the key for which it was issued', async () => {
    const dpop = await proof(key, 'POST', tokenUrl)
    const first = await redeem(world, 'app', await codeFor(world, 'app'), { client_id: 'app' }, { dpop })
    const fields = {
      grant_type: 'refresh_token',
      client_id: 'app',
      refresh_token: String(first.body['refresh_token']),
    }
    expect((await post(world, '/token', fields)).status).toBe(400)
    expect((await post(world, '/token', fields, { dpop: await proof(other, 'POST', tokenUrl) })).status).toBe(
      400,
    )
    expect((await post(world, '/token', fields, { dpop: await proof(key, 'POST', tokenUrl) })).status).toBe(
      200,
    )
  })
})
