// The VNeID simulator as a strict OpenID Connect issuer.
import { decodeJwt, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openSimulator, type Simulator } from '../../src/sandbox/simulator/simulator.ts'
import {
  answerTo,
  clients,
  clientSecret,
  loggedOut,
  redirectUri,
  signer,
  usual,
  verifier,
  visitor,
} from '../support/login/simulator-visitor.ts'

let vneid: Simulator
beforeAll(async () => {
  vneid = await openSimulator({ clients, approve: 'an' })
})
afterEach(() => {
  vneid.approve('an')
  vneid.tamper({})
})
afterAll(() => vneid.close())

const { visit, authorize, codeFor, post, redeem, tokens, readUserinfo, userinfo } = visitor(() => vneid)

async function claimsOf(key: string): Promise<Record<string, string>> {
  vneid.approve(key)
  return await userinfo((await tokens()).access_token)
}

/** The status of a token request with a client assertion that has these claims. */
async function assertion(changes: Record<string, unknown>): Promise<number> {
  const claims = { iss: 'signer', sub: 'signer', aud: vneid.issuer, jti: crypto.randomUUID() }
  const exp = Math.floor(Date.now() / 1000) + 60
  const jwt = new SignJWT({ ...claims, exp, ...changes }).setProtectedHeader({ alg: 'ES256' })
  const response = await post('/oidc/token', {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code: await codeFor({ client_id: 'signer' }),
    code_verifier: verifier,
    client_assertion: await jwt.sign(signer.privateKey),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  return response.status
}

test.each([
  ['client_secret_basic', 'broker', oidc.ClientSecretBasic(clientSecret)],
  ['client_secret_post', 'broker', oidc.ClientSecretPost(clientSecret)],
  ['private_key_jwt', 'signer', oidc.PrivateKeyJwt(signer.privateKey)],
])(
  'a standard client with %s gets a checked ID token and userinfo',
  async (_method, clientId, authentication) => {
    const execute = [oidc.allowInsecureRequests]
    const config = await oidc.discovery(new URL(vneid.issuer), clientId, {}, authentication, { execute })
    const url = oidc.buildAuthorizationUrl(config, { ...usual, client_id: clientId, max_age: '60' })
    const { headers } = await fetch(url, { redirect: 'manual' })
    const callback = new URL(headers.get('location') ?? '')
    const checks = { expectedState: usual.state, expectedNonce: usual.nonce, maxAge: 60 }
    const set = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier, ...checks })
    const { sub } = citizenNamed('an')
    expect(set.claims()).toMatchObject({ sub, aud: clientId, accountType: '1', accountLevel: '02' })
    expect(await oidc.fetchUserInfo(config, set.access_token, sub)).toEqual({
      sub,
      accountType: '1',
      accountLevel: '02',
      citizenPid: citizenNamed('an').number,
      fullName: 'Nguyễn Văn An',
      birthDate: '19850312',
      gender: 'male',
    })
  },
)

test('for an approved citizen the browser gets one redirect and no page', async () => {
  const answer = await answerTo(authorize())
  expect([...answer.keys()]).toEqual(['code', 'state', 'iss'])
  expect(answer.get('state')).toBe(usual.state)
  expect(answer.get('iss')).toBe(vneid.issuer)
})

test('the ID token always has auth_time', async () => {
  const { id_token } = await tokens()
  expect(Math.abs((decodeJwt(id_token).auth_time as number) - Date.now() / 1000)).toBeLessThan(5)
})

test('an organisation has no level, a representative names the organisation, a year of birth stays a year', async () => {
  const company = { organizationId: 'TC-99990001', organizationName: 'Công ty Cổ phần Ví Dụ' }
  const organisation = await claimsOf('congty')
  expect(organisation).toMatchObject({ accountType: '2', ...company })
  expect(organisation).not.toHaveProperty('accountLevel')
  expect(organisation).not.toHaveProperty('citizenPid')
  expect(await claimsOf('minh')).toMatchObject({
    accountType: '3',
    citizenPid: citizenNamed('minh').number,
    ...company,
  })
  expect(await claimsOf('nga')).toMatchObject({ accountType: '4', ...company })
  expect(await claimsOf('john')).toMatchObject({ accountType: '5', citizenPid: 'NN-99990009' })
  expect(await claimsOf('dung')).toMatchObject({ birthDate: '1952' })
  expect(await claimsOf('thao')).not.toHaveProperty('gender')
})

test.each([
  ['an unknown client', { client_id: 'nobody' }],
  ['a redirect URI with an extra slash', { redirect_uri: `${redirectUri}/` }],
  ['a missing redirect URI', { redirect_uri: undefined }],
])('%s is refused on a page, without a redirect', async (_name, changes) => {
  const response = await authorize(changes)
  expect(response.status).toBe(400)
  expect(response.headers.get('location')).toBeNull()
})

test.each([
  ['login_required', { prompt: 'none' }],
  ['unsupported_response_type', { response_type: 'token' }],
  ['invalid_scope', { scope: 'profile' }],
  ['invalid_request', { code_challenge_method: 'plain' }],
  ['invalid_request', { code_challenge_method: undefined }],
  ['invalid_request', { code_challenge: undefined }],
  ['invalid_request', { max_age: 'soon' }],
  ['request_not_supported', { request: 'x.y.z' }],
])('the client gets %s for %o', async (error, changes) => {
  const answer = await answerTo(authorize(changes))
  expect(Object.fromEntries(answer)).toMatchObject({ error, state: usual.state })
})

test('a code works once', async () => {
  const form = { code: await codeFor(), code_verifier: verifier }
  expect((await redeem(form)).status).toBe(200)
  const again = await redeem(form)
  expect(again.status).toBe(400)
  expect(await again.json()).toMatchObject({ error: 'invalid_grant' })
})

test('a code expires after thirty seconds', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    const form = { code: await codeFor(), code_verifier: verifier }
    const late = { code: await codeFor(), code_verifier: verifier }
    vi.setSystemTime(Date.now() + 29_000)
    expect((await redeem(form)).status).toBe(200)
    vi.setSystemTime(Date.now() + 2_000)
    expect((await redeem(late)).status).toBe(400)
  } finally {
    vi.useRealTimers()
  }
})

test.each([
  ['a wrong verifier', { code_verifier: 'w'.repeat(43) }],
  ['another client', { client_id: 'other', client_secret: 'another' }],
  ['another redirect URI', { redirect_uri: loggedOut }],
])('a code is refused with %s', async (_name, changes) => {
  const response = await redeem({ code: await codeFor(), code_verifier: verifier, ...changes })
  expect(await response.json()).toMatchObject({ error: 'invalid_grant' })
})

test('a verifier is required if a challenge was sent, and refused if none was', async () => {
  expect((await redeem({ code: await codeFor() })).status).toBe(400)
  const plain = { code_challenge: undefined, code_challenge_method: undefined }
  expect((await redeem({ code: await codeFor(plain), code_verifier: verifier })).status).toBe(400)
  expect((await redeem({ code: await codeFor(plain) })).status).toBe(200)
})

test('a wrong secret is refused and does not spend the code', async () => {
  const form = { code: await codeFor(), code_verifier: verifier }
  expect((await redeem({ ...form, client_secret: 'guess' })).status).toBe(401)
  expect((await redeem(form)).status).toBe(200)
})

test('a client assertion is checked for audience, expiry and replay', async () => {
  expect(await assertion({ jti: 'one' })).toBe(200)
  expect(await assertion({ jti: 'one' })).toBe(401)
  expect(await assertion({ aud: 'https://other.example' })).toBe(401)
  expect(await assertion({ exp: 1 })).toBe(401)
  expect(await assertion({ exp: undefined })).toBe(401)
  expect(await assertion({ iss: 'broker' })).toBe(401)
})

test('userinfo accepts only its own access tokens', async () => {
  const response = await readUserinfo('guess')
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('invalid_token')
})

test('logout redirects only to a registered URI, with the state', async () => {
  const { id_token } = await tokens()
  const query = { id_token_hint: id_token, post_logout_redirect_uri: loggedOut, state: 's 1' }
  expect((await answerTo(visit('/oidc/logout', query))).get('state')).toBe('s 1')
  expect(
    (await visit('/oidc/logout', { client_id: 'broker', post_logout_redirect_uri: loggedOut })).status,
  ).toBe(303)
  expect(
    (await visit('/oidc/logout', { ...query, post_logout_redirect_uri: 'https://evil.example' })).status,
  ).toBe(400)
  expect((await visit('/oidc/logout', { ...query, client_id: 'other' })).status).toBe(400)
  expect((await visit('/oidc/logout', { ...query, id_token_hint: `${id_token}x` })).status).toBe(400)
  expect(await (await visit('/oidc/logout', {})).text()).toContain('Đã đăng xuất')
})

test('the simulator counts the requests to each endpoint', async () => {
  const before = { ...vneid.requests }
  await userinfo((await tokens()).access_token)
  const { authorize: authorizations, token, userinfo: readings } = vneid.requests
  expect([authorizations, token, readings]).toEqual([
    before.authorize + 1,
    before.token + 1,
    before.userinfo + 1,
  ])
})
