/** Parameters without a value are treated as if they were omitted (RFC 6749 §3.1), at every endpoint of the issuer. */
import { expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { ask, basic, browse, codeFor, encode, post, redeem, send, tokensFor, wish } from '../support/wire.ts'
import { consoleId, consoleScope } from '../../src/operators/console.ts'
import { atDoor } from '../support/login/refusal.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'))
const optional = [
  'prompt',
  'max_age',
  'acr_values',
  'claims',
  'ui_locales',
  'id_token_hint',
  'login_hint',
  'response_mode',
  'request',
  'request_uri',
  'legacy_account',
  'legacy_account_portal',
  'display',
  'resource',
  'dpop_jkt',
  'posted',
]
const empty = Object.fromEntries(optional.map((name) => [name, '']))
/** Every form of no value, beside the parameter that has one. */
const beside = (fields: Readonly<Record<string, string | undefined>>): string =>
  `${encode(fields)}&${Object.keys(fields)
    .flatMap((name) => [`${name}=`, name])
    .join('&')}`

test('in an authorization request, in the query and in a posted form', async () => {
  expect((await ask(world, { ...wish('portal-a'), ...empty })).heard).toHaveProperty('code')
  expect((await browse(`${world.issuer}/auth?${beside(wish('portal-a'))}`)).heard).toHaveProperty('code')
  const form = Object.fromEntries(new URLSearchParams(encode({ ...wish('portal-a'), ...empty })))
  const page = await createVisitor().open(`${world.issuer}/auth`, {
    form,
    until: (url) => url.startsWith('http://127.0.0.1:9/'),
  })
  expect(new URL(page.url).searchParams.has('code')).toBe(true)
})

test('in a pushed request', async () => {
  for (const body of [encode({ ...wish('portal-a'), ...empty }), beside(wish('portal-a'))]) {
    const reply = await send(`${world.issuer}/request`, {
      method: 'POST',
      body,
      headers: { ...basic('portal-a'), 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(reply.status).toBe(201)
    const pushed = { client_id: 'portal-a', request_uri: String(reply.body['request_uri']) }
    const answer = await browse(`${world.issuer}/auth?${beside(pushed)}&${encode(empty)}`)
    expect(answer.heard).toMatchObject({ code: expect.any(String) as string, state: 'st-1' })
  }
})

test('at the token, userinfo, introspection and revocation endpoints', async () => {
  const nothing = { client_secret: '', client_assertion: '', client_assertion_type: '', scope: '' }
  expect((await redeem(world, 'portal-a', await codeFor(world, 'portal-a'), nothing)).status).toBe(200)
  const tokens = await tokensFor(world, 'portal-a')
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }
  const token = tokens.access_token
  const credentials = { client_id: 'portal-a', client_secret: secretOf('portal-a') }
  const withBoth = (path: string, fields: Record<string, string>, headers = {}) =>
    send(`${world.issuer}${path}`, {
      method: 'POST',
      body: beside(fields),
      headers: { ...urlencoded, ...headers },
    })
  expect(
    await withBoth('/token/introspection', { ...credentials, token, token_type_hint: 'access_token' }),
  ).toMatchObject({ status: 200, body: { active: true } })
  const bearer = { authorization: `Bearer ${token}` }
  for (const query of ['access_token=', 'access_token', 'access_token=&access_token='])
    expect((await send(`${world.issuer}/me?${query}`, { headers: bearer })).status).toBe(200)
  expect((await post(world, '/me', { access_token: '' }, bearer)).status).toBe(200)
  expect((await withBoth('/me', { access_token: token })).status).toBe(200)
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  expect((await withBoth('/token', { ...credentials, ...refresh })).status).toBe(200)
  expect((await withBoth('/token/revocation', { ...credentials, token })).status).toBe(200)
})

test('at the return from VNeID', async () => {
  const { url, visitor } = await atDoor(world)
  expect((await browse(`${url}&error=&error&code=&state=&iss=`, visitor)).heard).toHaveProperty('code')
})

test('on the pages: an empty language or code is none, and chooses nothing', async () => {
  const english = { 'accept-language': 'en' }
  for (const path of [
    '/session/end/success?ui_locales=',
    '/device?user_code=&ui_locales=',
    '/nowhere?ui_locales',
  ]) {
    const visitor = createVisitor()
    const page = await visitor.open(world.issuer + path, { headers: english })
    expect(page.body).toContain('<html lang="en"')
    expect([...visitor.cookies(world.issuer).keys()]).not.toContain('locale')
  }
})

test('at the logout', async () => {
  const { id_token: hint } = await tokensFor(world, 'portal-a')
  const bye = 'http://127.0.0.1:9/bye'
  const query = beside({ id_token_hint: hint, post_logout_redirect_uri: bye, state: 's' })
  const page = await createVisitor().open(`${world.issuer}/session/end?${query}&client_id=&logout_hint=`, {
    until: (url) => url.startsWith(bye),
  })
  expect(page.url).toBe(`${bye}?state=s`)
})

test('at the endpoint for terminals', async () => {
  const fields = { client_id: consoleId, scope: consoleScope }
  const plain = await post(world, '/device/auth', fields)
  const reply = await send(`${world.issuer}/device/auth`, {
    method: 'POST',
    body: `${beside(fields)}&${encode(empty)}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  expect([plain.status, reply.status]).toEqual([200, 200])
})

test('a parameter that has two values is still refused', async () => {
  const twice = `${encode(wish('portal-a'))}&state=&state=other`
  expect((await browse(`${world.issuer}/auth?${twice}`)).heard).toMatchObject({ error: 'invalid_request' })
})
