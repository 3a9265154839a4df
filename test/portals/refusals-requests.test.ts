/** Refused authorization requests: redirect URIs, request objects, pushed requests. */
import { describe, expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import {
  ask,
  basic,
  browse,
  type Claims,
  codeFor,
  encode,
  expectPage,
  newSigner,
  now,
  post,
  redeem,
  sign,
  signedWithPublicKey,
  unsigned,
  wish,
} from '../support/wire.ts'

const world = await openWorld()
const signer = await newSigner()
const other = await newSigner()
const keys = { jwks: { keys: [signer.jwk] } }
const address = 'http://127.0.0.1:9/cb'
await world.register(
  portalDefinition('portal-a'),
  portalDefinition('portal-b'),
  portalDefinition('signing', keys),
  portalDefinition('only-signed', { ...keys, require_signed_request_object: true }),
  portalDefinition('neighbour', { jwks: { keys: [other.jwk] } }),
  portalDefinition('pushing', { require_pushed_authorization_requests: true }),
  portalDefinition('tls', { redirect_uris: ['https://cong.example/cb'] }),
)

test('a malformed parameter is refused by its name, and its value is not in the log', async () => {
  const { heard } = await ask(world, wish('portal-a', { claims: '{"userinfo":{"sub":=001085999901' }))
  expect(heard).toMatchObject({ error: 'invalid_request' })
  const lines = world.logLines.filter((line) => line.includes('authorization.refused')).join('')
  expect(lines).toContain('could not parse the claims parameter JSON')
  expect(lines).not.toContain('001085999901')
})

describe('redirect URIs', () => {
  test.each([
    ['a trailing slash', `${address}/`],
    ['another case in the path', 'http://127.0.0.1:9/CB'],
    ['another port', 'http://127.0.0.1:99/cb'],
    ['no port', 'http://127.0.0.1/cb'],
    ['an extra query', `${address}?next=https://evil.example`],
    ['an empty query', `${address}?`],
    ['a fragment', `${address}#x`],
    ['path traversal', 'http://127.0.0.1:9/cb/../evil'],
    ['path traversal that ends at the same place', 'http://127.0.0.1:9/x/../cb'],
    ['encoded path traversal', 'http://127.0.0.1:9/cb/%2e%2e/evil'],
    ['user information', 'http://127.0.0.1:9@evil.example/cb'],
    ['a host with the same beginning', 'http://127.0.0.1:9.evil.example/cb'],
    ['another scheme', 'https://127.0.0.1:9/cb'],
    ['another host name of the same machine', 'http://localhost:9/cb'],
    ['a control character', 'http://127.0.0.1:9/cb\r\nx: y'],
    ['a trailing space', `${address} `],
    ['another site', 'https://evil.example/cb'],
    ['a javascript: URL', 'javascript:alert(1)'],
    ['a relative URL', 'cb'],
    ['an empty value', ''],
  ])('an unregistered redirect URI is refused on a page, without a redirect: %s', async (_what, redirect) => {
    const answer = await ask(world, wish('portal-a', { redirect_uri: redirect }))
    expectPage(answer, 'request_invalid')
    expect(answer.visitor.steps).toHaveLength(1)
  })

  test.each([
    ['a subdomain', 'https://a.cong.example/cb'],
    ['another case in the host', 'https://CONG.example/cb'],
    ['the default port spelt out', 'https://cong.example:443/cb'],
    ['http instead of https', 'http://cong.example/cb'],
    ['a backslash', 'https://cong.example\\@evil.example/cb'],
    ['a look-alike letter', 'https://cọng.example/cb'],
  ])('an unregistered redirect URI is refused on a page, without a redirect: %s', async (_what, redirect) => {
    expectPage(await ask(world, wish('tls', { redirect_uri: redirect })), 'request_invalid')
  })

  test('a missing redirect URI is refused, even if only one is registered', async () => {
    expectPage(await ask(world, wish('portal-a', { redirect_uri: undefined })), 'request_invalid')
  })

  test('a redirect URI of another portal, or two redirect URIs, show a page', async () => {
    expectPage(
      await ask(world, wish('portal-a', { redirect_uri: 'https://cong.example/cb' })),
      'request_invalid',
    )
    const query = new URLSearchParams([
      ...Object.entries(wish('portal-a')),
      ['redirect_uri', 'https://evil.example/'],
    ] as [string, string][])
    expectPage(await browse(`${world.issuer}/auth?${query.toString()}`), 'request_invalid')
  })

  test('an invalid request with an unregistered redirect URI shows the page too', async () => {
    for (const fault of [
      { response_type: 'token' },
      { scope: 'openid "' },
      { code_challenge: undefined },
      { prompt: 'none' },
    ]) {
      expectPage(
        await ask(world, wish('portal-a', { redirect_uri: 'https://evil.example/', ...fault })),
        'request_invalid',
      )
    }
  })

  test('an unknown portal gets a page with code and reference', async () => {
    for (const id of ['nobody', undefined, '', '../portal-a', "portal-a' or '1'='1"]) {
      expectPage(await ask(world, wish('portal-a', { client_id: id })), 'request_invalid')
    }
  })
})

/** A valid request object of `signing`, with these changes. */
const object = (changes: Claims = {}): Claims => ({
  ...wish('signing', { scope: 'openid profile', state: 'in-1' }),
  iss: 'signing',
  aud: world.issuer,
  iat: now(),
  nbf: now() - 5,
  exp: now() + 60,
  jti: crypto.randomUUID(),
  ...changes,
})
const asked = (request: string, id = 'signing') => ask(world, wish(id, { request }))
const spki = async () => {
  const { createPublicKey } = await import('node:crypto')
  return createPublicKey({ key: signer.jwk, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
}

describe('request objects', () => {
  test('a valid request object is accepted, so each refusal below has the reason that it names', async () => {
    expect((await asked(await sign(signer, object()))).heard).toMatchObject({
      code: expect.any(String),
      state: 'in-1',
    })
  })

  const refusals: [string, () => Promise<string> | string][] = [
    ['with alg none', () => unsigned(object())],
    [
      'signed HS256 with the public key (PEM)',
      async () => signedWithPublicKey(signer, object(), await spki()),
    ],
    [
      'signed HS256 with the public key (JWK)',
      () => signedWithPublicKey(signer, object(), JSON.stringify(signer.jwk)),
    ],
    [
      'signed HS256 with the client secret',
      () => signedWithPublicKey(signer, object(), 'signing-secret-secret-secret-secret-secret'),
    ],
    [
      'signed by another key',
      () => sign({ ...other, jwk: { ...other.jwk, kid: signer.jwk.kid! } }, object()),
    ],
    ['of another portal', () => sign(other, object({ iss: 'neighbour', client_id: 'neighbour' }))],
    ['that another portal issued for this one', () => sign(other, object({ iss: 'neighbour' }))],
    ['that has expired', () => sign(signer, object({ exp: now() - 60, iat: now() - 120, nbf: now() - 120 }))],
    ['without exp', () => sign(signer, object({ exp: undefined }))],
    ['that would be valid for years', () => sign(signer, object({ exp: now() + 3 * 365 * 86_400 }))],
    ['that is not valid yet', () => sign(signer, object({ nbf: now() + 300 }))],
    ['for another audience', () => sign(signer, object({ aud: 'https://other.example' }))],
    ['whose signature was removed', async () => (await sign(signer, object())).replace(/[^.]+$/, '')],
    ['within a request object', async () => sign(signer, object({ request: await sign(signer, object()) }))],
    ['that is not a JWT', () => 'not-a-jwt'],
  ]
  test.each(refusals)('a request object %s is refused', async (_what, make) => {
    const { heard } = await asked(await make())
    expect(heard).toMatchObject({ error: 'invalid_request_object', iss: world.issuer })
  })

  test('parameters beside a request object are ignored', async () => {
    const request = await sign(signer, object({ redirect_uri: 'https://evil.example/cb' }))
    expectPage(await asked(request), 'request_invalid')
    const bare = await sign(signer, object({ code_challenge: undefined, code_challenge_method: undefined }))
    expect((await asked(bare)).heard).toMatchObject({ error: 'invalid_request' })
  })

  test('a portal registered to sign its requests cannot send one unsigned, nor with alg none', async () => {
    expect((await ask(world, wish('only-signed'))).heard).toMatchObject({
      error: 'invalid_request',
      state: 'st-1',
    })
    const none = unsigned(object({ ...wish('only-signed'), iss: 'only-signed' }))
    expect((await asked(none, 'only-signed')).heard).toMatchObject({ error: 'invalid_request_object' })
  })
})

describe('pushed requests', () => {
  const push = async (id: string, changes = {}) => post(world, '/request', wish(id, changes), basic(id))
  const open = (id: string, requestUri: string) => ask(world, { client_id: id, request_uri: requestUri })
  const uriOf = async (id: string) => String((await push(id)).body['request_uri'])

  test('a pushed request can be used once', async () => {
    const uri = await uriOf('portal-a')
    expect((await open('portal-a', uri)).heard).toHaveProperty('code')
    expectPage(await open('portal-a', uri), 'request_invalid')
  })

  test('of 20 parallel uses of one pushed request exactly one leads to a code', async () => {
    const uri = await uriOf('portal-a')
    const answers = await Promise.all(Array.from({ length: 20 }, () => open('portal-a', uri)))
    expect(answers.filter(({ heard }) => heard?.['code'] !== undefined)).toHaveLength(1)
    // The others were refused at /auth, or when they returned from VNeID.
    const atPortal = answers.filter(({ heard }) => heard !== undefined && heard['code'] === undefined)
    expect(new Set(atPortal.map(({ heard }) => heard!['error']))).toEqual(
      new Set(atPortal.length > 0 ? ['invalid_request_uri'] : []),
    )
    for (const answer of answers.filter(({ heard }) => heard === undefined))
      expectPage(answer, 'request_invalid')
  })

  test('of two browsers that one pushed request sent to VNeID only the first to return gets a code', async () => {
    const uri = await uriOf('portal-a')
    const isVneid = (url: string) => url.startsWith(world.simulator.url)
    const [first, second] = [createVisitor(), createVisitor()]
    const start = `${world.issuer}/auth?${encode({ client_id: 'portal-a', request_uri: uri })}`
    const [one, two] = [
      await first.open(start, { until: isVneid }),
      await second.open(start, { until: isVneid }),
    ]
    expect((await browse(two.url, second)).heard).toHaveProperty('code')
    expect((await browse(one.url, first)).heard).toMatchObject({
      error: 'invalid_request_uri',
      state: 'st-1',
    })
  })

  test('a request_uri of another portal, an invented one and one on another site are refused', async () => {
    const uri = await uriOf('portal-a')
    expectPage(await open('portal-b', uri), 'request_invalid')
    expectPage(
      await open('portal-a', `urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}`),
      'request_invalid',
    )
    const before = world.simulator.requests.discovery
    expectPage(
      await open('portal-a', `${world.simulator.issuer}/.well-known/openid-configuration`),
      'request_invalid',
    )
    expect(world.simulator.requests.discovery).toBe(before)
  })

  test('the faults of a request are reported when it is pushed', async () => {
    expect(await push('portal-a', { redirect_uri: 'https://evil.example/' })).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^invalid_/) },
    })
    expect(await push('portal-a', { code_challenge_method: 'plain' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
    expect(await push('portal-a', { code_challenge: undefined })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
    expect(await post(world, '/request', wish('portal-a'))).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    const foreign = await post(world, '/request', wish('portal-b'), basic('portal-a'))
    expect(foreign).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('a portal registered to push must push, and the browser cannot change a pushed request', async () => {
    expect((await ask(world, wish('pushing'))).heard).toMatchObject({ error: 'invalid_request' })
    const uri = await uriOf('pushing')
    const { heard } = await ask(world, {
      client_id: 'pushing',
      request_uri: uri,
      scope: 'openid citizen_id',
      state: 'evil',
      nonce: 'evil',
    })
    expect(heard).toMatchObject({ state: 'st-1' })
    const { body } = await redeem(world, 'pushing', heard!['code']!)
    expect(body).toMatchObject({ scope: 'openid profile' })
  })

  test('a code of a pushed request has the same restrictions as any other', async () => {
    expect(await redeem(world, 'portal-b', await codeFor(world, 'portal-a'))).toMatchObject({
      body: { error: 'invalid_grant' },
    })
  })
})
