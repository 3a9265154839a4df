/** Refused flows, scopes and claims, and refused uses of access tokens. */
import { afterEach, describe, expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { ask, basic, codeFor, post, redeem, send, tokensFor, userinfo, wish } from '../support/wire.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'), portalDefinition('narrow', { scope: 'openid' }))
afterEach(() => world.simulator.approve('an'))

describe('flows', () => {
  const fragment = (url: string) => Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1)))

  test.each([
    'token',
    'id_token',
    'id_token token',
    'code id_token',
    'code token',
    'code id_token token',
    'none',
  ])('response_type %s is refused', async (type) => {
    const { url, heard } = await ask(world, wish('portal-a', { response_type: type }))
    expect({ ...heard, ...fragment(url) }).toMatchObject({
      error: 'unsupported_response_type',
      state: 'st-1',
    })
    expect(url).not.toMatch(/access_token=|id_token=|code=/)
  })

  test.each([
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:openid:params:grant-type:ciba',
  ])('grant type %s is refused', async (type) => {
    const fields = {
      grant_type: type,
      username: 'an',
      password: '123456',
      scope: 'openid',
      assertion: 'x',
      subject_token: 'x',
    }
    const reply = await post(world, '/token', fields, basic('portal-a'))
    expect(reply).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } })
  })

  test('the device grant is only for operators', async () => {
    const fields = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }
    const reply = await post(world, '/token', fields, basic('portal-a'))
    expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(reply.body['error_description']).toContain('not allowed for this client')
  })

  test('a portal that is not registered for client credentials gets no such token', async () => {
    const reply = await post(world, '/token', { grant_type: 'client_credentials' }, basic('portal-a'))
    expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(reply.text).not.toContain('access_token')
  })

  test('an unknown scope is never granted, and a scope with characters outside the grammar is invalid_scope', async () => {
    // Unknown scope values are ignored (OIDC Core §3.1.2.1); the token response lists the granted ones.
    const code = await codeFor(world, 'portal-a', { scope: 'openid nonsense citizen_id:all address' })
    expect((await redeem(world, 'portal-a', code)).body).toMatchObject({ scope: 'openid' })
    const { heard } = await ask(world, wish('portal-a', { scope: 'openid "profile' }))
    expect(heard).toMatchObject({ error: 'invalid_scope', state: 'st-1', iss: world.issuer })
  })

  test('a scope that is not registered for the portal is invalid_scope', async () => {
    const { heard } = await ask(world, wish('narrow', { scope: 'openid citizen_id' }))
    expect(heard).toMatchObject({ error: 'invalid_scope', state: 'st-1', iss: world.issuer })
  })

  test('a claim that the registry does not release is not released when it is asked for by name', async () => {
    const claims = JSON.stringify({
      userinfo: { citizen_id: { essential: true }, legacy_accounts: null },
      id_token: { name: null },
    })
    const { access_token: access, id_token: token } = await tokensFor(world, 'narrow', {
      scope: 'openid',
      claims,
    })
    const { body } = await userinfo(world, access)
    expect(Object.keys(body).toSorted()).toEqual(['acr', 'kind', 'sub'])
    expect(Buffer.from(token.split('.')[1]!, 'base64url').toString()).not.toMatch(/name|citizen_id|legacy/)
  })

  test('prompt=none without a session is login_required, at once', async () => {
    const before = world.simulator.requests.authorize
    const { heard } = await ask(world, wish('portal-a', { prompt: 'none' }))
    expect(heard).toMatchObject({ error: 'login_required', state: 'st-1', iss: world.issuer })
    expect(world.simulator.requests.authorize).toBe(before)
  })

  test('an id_token_hint with a foreign signature, or of another person, completes no sign-in', async () => {
    const { id_token: hint } = await tokensFor(world, 'portal-a')
    const forged = `${hint.slice(0, hint.lastIndexOf('.'))}.${'A'.repeat(86)}`
    const bad = await ask(world, wish('portal-a', { id_token_hint: forged }))
    expect(bad.heard).toMatchObject({ error: 'invalid_request' })
    world.simulator.approve('binh')
    const { sub } = JSON.parse(Buffer.from(hint.split('.')[1]!, 'base64url').toString()) as { sub: string }
    const claims = JSON.stringify({ id_token: { sub: { value: sub } } })
    for (const named of [{ id_token_hint: hint }, { claims }]) {
      const other = await ask(world, wish('portal-a', named))
      expect(other.heard).toMatchObject({ error: 'login_required', state: 'st-1', iss: world.issuer })
      expect(
        (await ask(world, wish('portal-a', { prompt: 'none' }), other.visitor)).heard,
      ).not.toHaveProperty('code')
      world.simulator.approve('an')
      expect((await ask(world, wish('portal-a', named))).heard).toHaveProperty('code')
      world.simulator.approve('binh')
    }
  })
})

describe('access tokens', () => {
  test('an access token in the URL is refused', async () => {
    const { access_token: access } = await tokensFor(world, 'portal-a')
    const reply = await send(`${world.issuer}/me?access_token=${access}`)
    expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(reply.text).not.toContain('sub')
    expect(world.logLines.join('')).not.toContain(access)
  })

  test('an invented access token, or an ID token instead of one, is refused', async () => {
    const { id_token: token } = await tokensFor(world, 'portal-a')
    for (const wrong of ['x'.repeat(43), token, '%00', '..']) {
      expect(await userinfo(world, wrong)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    }
    expect(await send(`${world.issuer}/me`)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  })

  test('a token becomes invalid when its session ends', async () => {
    const visitor = createVisitor()
    const { heard } = await ask(world, wish('portal-a'), visitor)
    const { body } = await redeem(world, 'portal-a', heard!['code']!)
    const page = await visitor.open(`${world.issuer}/session/end`)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.body)?.[1]
    await visitor.open(`${world.issuer}/session/end/confirm`, { form: { xsrf: xsrf!, logout: 'yes' } })
    expect((await userinfo(world, String(body['access_token']))).status).toBe(401)
  })
})
