/** Features that are on and off, and the forms of a request: GET, POST, pushed, signed, and the FAPI 2.0 profile. */
import { SignJWT } from 'jose'
import * as client from 'openid-client'
import { expect, test, vi } from 'vitest'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { signer } from '../support/keys.ts'
import { type Portal, press } from '../support/portal.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const printed: unknown[] = []
vi.spyOn(console, 'info').mockImplementation((line: unknown) => void printed.push(line))
vi.spyOn(console, 'warn').mockImplementation((line: unknown) => void printed.push(line))

const world = await openWorld()
const bye = 'http://127.0.0.1:9/bye'
const signing = await signer()
const withKey = {
  client_secret: undefined,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: signing.jwks,
}
const fapi = {
  ...withKey,
  require_pushed_authorization_requests: true,
  dpop_bound_access_tokens: true,
  policy: { profile: 'fapi2' },
}
await world.register(portalDefinition('portal'), portalDefinition('other'), portalDefinition('strict', fapi))
const portal = await world.portal({ clientId: 'portal' })
const other = await world.portal({ clientId: 'other' })

const atPortal = (url: string) => url.startsWith(`${portalAddress}?`)
const answered = async (visitor: Visitor, url: string) => {
  const { url: answer } = await visitor.open(url, { until: atPortal })
  return new URL(answer).searchParams
}
/** Posts a form from the portal's own page, so the browser does not send our SameSite=Lax cookies. */
const postedFromAfar = async (address: string, form: Record<string, string> | URLSearchParams) => {
  const body = new URLSearchParams(form)
  const { status, headers } = await fetch(address, { method: 'POST', body, redirect: 'manual' })
  expect(status).toBe(303)
  return new URL(headers.get('location') ?? '', address).href
}
const trips = ({ steps }: Visitor) =>
  steps.filter(({ url }) => url.startsWith(`${world.simulator.issuer}/oidc/authorize`)).length

test('discovery lists exactly the features that are on', async () => {
  const description = portal.config.serverMetadata()
  expect(description).toMatchObject({
    issuer: world.issuer,
    response_types_supported: ['code'],
    response_modes_supported: ['form_post', 'fragment', 'query'],
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: [
      'openid',
      'profile',
      'citizen_id',
      'organisation',
      'legacy_accounts',
      'offline_access',
      'operator',
    ],
    acr_values_supported: ['urn:vneid:1', 'urn:vneid:2'],
    subject_types_supported: ['pairwise', 'public'],
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ],
    authorization_response_iss_parameter_supported: true,
    claims_parameter_supported: true,
    request_parameter_supported: true,
    request_uri_parameter_supported: false,
    request_object_encryption_alg_values_supported: [],
    request_object_encryption_enc_values_supported: [],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    ui_locales_supported: ['vi', 'en'],
  })
  const off = [
    'registration_endpoint',
    'backchannel_authentication_endpoint',
    'authorization_signing_alg_values_supported',
    'authorization_details_types_supported',
    'mtls_endpoint_aliases',
    'introspection_signing_alg_values_supported',
    'check_session_iframe',
    'frontchannel_logout_supported',
  ]
  for (const name of off) expect(description).not.toHaveProperty(name)
  const algorithms = Object.entries(description).filter(([name]) =>
    name.endsWith('_signing_alg_values_supported'),
  )
  expect(algorithms.length).toBeGreaterThan(3)
  expect(JSON.stringify(algorithms)).not.toMatch(/none|HS\d/)
})

test.for(['/reg', '/backchannel', '/challenge', '/credential'])(
  'a feature that is off has no endpoint: %s',
  async (path) => {
    expect((await fetch(`${world.issuer}${path}`, { method: 'POST' })).status).toBe(404)
  },
)

test.for(['token', 'id_token', 'code id_token', 'none'])(
  'the only response type is code: %s is refused',
  async (wish) => {
    const { url } = await portal.begin({ response_type: wish, response_mode: 'query' })
    const answer = await answered(createVisitor(), url)
    expect(answer.get('error')).toMatch(/^(unsupported_response_type|invalid_request)$/)
  },
)

test.for(['password', 'implicit'])('the grant type %s gets no token', async (grant) => {
  const refused = client.genericGrantRequest(portal.config, grant, { username: 'an', password: 'x' })
  await expect(refused).rejects.toMatchObject({ error: 'unsupported_grant_type' })
})

test('the published keys are the public halves of one ES256 and one RS256 key', async () => {
  const response = await fetch(`${world.issuer}/jwks`)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const { keys } = (await response.json()) as { keys: Record<string, string>[] }
  expect(keys.map(({ alg, use }) => `${alg} ${use}`).toSorted()).toEqual(['ES256 sig', 'RS256 sig'])
  for (const key of keys)
    for (const half of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(key).not.toHaveProperty(half)
})

test('the authorization response names the issuer (RFC 9207), so that another issuer cannot impersonate it', async () => {
  const { url, state } = await portal.begin()
  const answer = await answered(createVisitor(), url)
  expect(Object.fromEntries(answer)).toEqual({ code: expect.any(String), state, iss: world.issuer })
  const refusal = await answered(createVisitor(), (await portal.begin({ prompt: 'none' })).url)
  expect(Object.fromEntries(refusal)).toMatchObject({ error: 'login_required', iss: world.issuer })
})

test('a request that a portal posts uses the browser’s session', async () => {
  const { visitor } = await other.signIn()
  const begun = await portal.begin()
  const { origin, pathname, searchParams } = new URL(begun.url)
  const onward = await postedFromAfar(`${origin}${pathname}`, searchParams)
  expect(onward).not.toContain(begun.state)
  const { url } = await visitor.open(onward, { until: atPortal })
  await expect(portal.redeem(url, begun)).resolves.toMatchObject({ token_type: 'bearer' })
  expect(trips(visitor)).toBe(1)

  const again = await visitor.open(onward)
  expect(again.status).toBe(400)
})

test('a logout that a portal posts uses the browser’s session', async () => {
  const { visitor, tokens } = await portal.signIn()
  const form = { id_token_hint: tokens.id_token!, post_logout_redirect_uri: bye, state: 's' }
  const onward = await postedFromAfar(`${world.issuer}/session/end`, form)
  expect(onward).not.toContain('hint')
  const question = await visitor.open(onward)
  expect(question.body).toContain('Ông/Bà muốn đăng xuất?')
  const home = await press(visitor, question, { logout: 'yes' }, (url) => url.startsWith(bye))
  expect(home.url).toBe(`${bye}?state=s`)
  await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 })
})

test('a form_post answer reaches the portal, with or without scripts', async () => {
  const begun = await portal.begin({ response_mode: 'form_post' })
  const page = await createVisitor().open(begun.url)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toMatch(/script-src [^;]*'sha256-/)
  expect(page.body).toMatch(/<noscript>[^]*<button/)
  const answer = new URL(portalAddress)
  for (const [, name = '', value = ''] of page.body.matchAll(/name="(\w+)" value="([^"]+)"/g)) {
    answer.searchParams.set(name, value)
  }
  await expect(portal.redeem(answer.href, begun)).resolves.toMatchObject({ token_type: 'bearer' })
})

test('a signed request is accepted by value and pushed, and an unsigned one is refused if signing is registered', async () => {
  await world.register(
    portalDefinition('signed', {
      ...withKey,
      request_object_signing_alg: 'ES256',
      require_signed_request_object: true,
    }),
  )
  const auth = client.PrivateKeyJwt(signing.privateKey)
  const options = { clientId: 'signed', auth, jar: signing.privateKey }
  const byValue = await world.portal(options)
  const { url, state } = await byValue.begin()
  expect([...new URL(url).searchParams.keys()].toSorted()).toEqual(['client_id', 'request'])
  expect(url).not.toContain(state)
  await expect(byValue.signIn()).resolves.toMatchObject({ claims: { aud: 'signed' } })

  const pushed = await world.portal({ ...options, par: true })
  expect([...new URL((await pushed.begin()).url).searchParams.keys()].toSorted()).toEqual([
    'client_id',
    'request_uri',
  ])
  await expect(pushed.signIn()).resolves.toMatchObject({ claims: { aud: 'signed' } })

  const unsigned = await world.portal({ clientId: 'signed', auth })
  const answer = await answered(createVisitor(), (await unsigned.begin()).url)
  expect(answer.get('error')).toBe('invalid_request')
})

const strict = async (changes: object = {}): Promise<Portal> =>
  world.portal({
    clientId: 'strict',
    auth: client.PrivateKeyJwt(signing.privateKey),
    par: true,
    dpop: await client.randomDPoPKeyPair('ES256'),
    ...changes,
  })

test('a portal of the FAPI 2.0 profile signs in with pushed requests, its own key and bound tokens', async () => {
  const one = await strict()
  const { tokens, claims } = await one.signIn()
  expect(claims).toMatchObject({ aud: 'strict', acr: 'urn:vneid:2' })
  expect(tokens.token_type).toBe('dpop')
  expect(await one.userinfo(tokens.access_token, claims.sub)).toMatchObject({ name: 'Nguyễn Văn An' })
  // FAPI 2.0 Security Profile §5.3.2.1: no rotation.
  const renewed = await one.refresh(tokens.refresh_token)
  expect(renewed.refresh_token).toBe(tokens.refresh_token)
  await expect(one.refresh(tokens.refresh_token)).resolves.toMatchObject({ token_type: 'dpop' })
})

test('the FAPI 2.0 profile refuses a request that was not pushed, and issues no unbound token', async () => {
  const plain = await strict({ par: false })
  const answer = await answered(createVisitor(), (await plain.begin()).url)
  expect(answer.get('error')).toBe('invalid_request')
  expect(answer.get('iss')).toBe(world.issuer)

  const unbound = await strict({ dpop: undefined })
  await expect(unbound.signIn()).rejects.toMatchObject({ error: 'invalid_grant' })
})

const now = () => Math.floor(Date.now() / 1000)
const whole = { iss: 'strict', aud: world.issuer, nbf: now(), exp: now() + 300 }
const lacking: [string, object][] = [
  ['aud', { ...whole, aud: undefined }],
  ['nbf', { ...whole, nbf: undefined }],
  ['an nbf less than an hour before exp', { ...whole, nbf: now() - 7200 }],
]
test.each(lacking)('the FAPI 2.0 profile refuses a request object without %s', async (_what, claims) => {
  const push = async (object: object) => {
    const begun = { client_id: 'strict', response_type: 'code', redirect_uri: portalAddress, scope: 'openid' }
    const challenge = { code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' }
    const request = await new SignJWT({ ...begun, ...challenge, ...object })
      .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt' })
      .sign(signing.privateKey)
    return client.buildAuthorizationUrlWithPAR((await strict()).config, { client_id: 'strict', request })
  }
  await expect(push(whole)).resolves.toBeInstanceOf(URL)
  await expect(push(claims)).rejects.toMatchObject({ error: 'invalid_request_object' })
})

test('a start in production uses no default that the engine warns about', () => {
  expect(printed).toEqual([])
})
