/** Malformed and hostile HTTP requests do not affect the broker's URLs, pages and answers. */
import { describe, expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { basic, browse, encode, expectPage, post, send, sendRaw, userinfo, wish } from '../support/wire.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'), portalDefinition('noticing', { policy: { notice: true } }))
const { host } = new URL(world.issuer)
const raw = (target: string, headers: string[] = [], name = host) =>
  sendRaw(
    world,
    [`GET ${target} HTTP/1.1`, `Host: ${name}`, 'Connection: close', ...headers, '', ''].join('\r\n'),
  )
const authorize = `/auth?${encode(wish('portal-a'))}`

describe('the broker’s URL is the issuer, whatever host a request names', () => {
  const forged = [
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: gopher',
    'Forwarded: host=evil.example',
    'X-Original-Host: evil.example',
    'X-Forwarded-Prefix: /evil',
  ]
  const ways: [string, (path: string) => Promise<string>][] = [
    ['the host of a forged Host header', (path) => raw(path, [], 'evil.example')],
    ['the host of forwarding headers', (path) => raw(path, forged)],
    ['the host of an absolute request target', (path) => raw(`http://evil.example${path}`)],
    [
      'the host of an absolute request target and a forged Host header',
      (path) => raw(`https://evil.example${path}`, forged, 'evil.example'),
    ],
  ]
  const paths = [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/jwks',
    authorize,
    `/auth?${encode(wish('noticing'))}`,
    '/session/end',
    '/session/end/success',
    '/signed-out',
    '/callback',
    '/nothing',
    `/auth?${encode(wish('portal-a', { redirect_uri: 'https://other.example/' }))}`,
  ]
  test.each(ways)('%s appears nowhere in an answer', async (_what, ask) => {
    for (const path of paths) {
      const answer = await ask(path)
      expect(answer).toMatch(/^HTTP\/1\.1 [2-4]\d\d /)
      expect(answer).not.toMatch(/evil|gopher/)
      expect(/^location: (\S+)/im.exec(answer)?.[1] ?? '/').toMatch(/^(\/|http:\/\/127\.0\.0\.1:)/)
    }
    expect(await ask('/.well-known/openid-configuration')).toContain(
      `"token_endpoint":"${world.issuer}/token"`,
    )
  })

  test('two Host headers have no effect, and a request without one is refused', async () => {
    expect(await raw('/.well-known/openid-configuration', ['Host: evil.example'])).not.toContain('evil')
    expect(await sendRaw(world, 'GET /jwks HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    )
  })
})

describe('requests that are too long or malformed', () => {
  test('line breaks in a query never become headers', async () => {
    const evil = '%0d%0aSet-Cookie:%20evil=1%0d%0aLocation:%20https://evil.example'
    for (const path of [
      `${authorize}${evil}`,
      `/callback?state=${evil}`,
      `/signed-out?state=${evil}`,
      `/session/end?state=${evil}`,
      `/auth?${encode(wish('portal-a', { prompt: 'none', state: 'x\r\nSet-Cookie: evil=1' }))}`,
      `/${evil}`,
      `/session/end/success?ui_locales=${evil}`,
    ]) {
      const [head = ''] = (await raw(path)).split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1\.1 [2-4]\d\d /)
      expect(head).not.toMatch(/^(set-cookie: evil|location: https:\/\/evil)/im)
    }
  })

  test('markup in a query is never markup in a page', async () => {
    const evil = '"><script>alert(1)</script>'
    for (const path of ['/auth', '/session/end/success', '/callback', `/${encodeURIComponent(evil)}`]) {
      const query = encode({
        client_id: 'portal-a',
        ui_locales: evil,
        state: evil,
        redirect_uri: evil,
        [evil]: evil,
      })
      expect((await browse(`${world.issuer}${path}?${query}`)).body).not.toContain('<script')
    }
  })

  test('a header or query that is too long is refused, and the broker keeps running', async () => {
    expect(await raw('/jwks', [`X-Long: ${'x'.repeat(100_000)}`])).toMatch(/^(HTTP\/1\.1 431 |$)/)
    expect(await raw(`/auth?state=${'x'.repeat(100_000)}`)).toMatch(/^(HTTP\/1\.1 (414|431) |$)/)
    expect(await raw('/jwks', ['X-Broken: a\u0000b'])).toMatch(/^HTTP\/1\.1 400 /)
    expect((await send(`${world.issuer}/jwks`)).status).toBe(200)
  })

  test('a body that is too long is refused at every endpoint that takes one', async () => {
    const long = { client_id: 'portal-a', state: 'x'.repeat(300_000) }
    for (const path of [
      '/auth',
      '/session/end',
      '/token',
      '/request',
      '/token/introspection',
      '/token/revocation',
      '/session/end/confirm',
    ]) {
      const reply = await post(world, path, long, { ...basic('portal-a'), accept: 'application/json' })
      expect([path, reply.status]).toEqual([path, expect.toBeOneOf([400, 413])])
    }
    expect((await browse(`${world.issuer}/jwks`)).status).toBe(200)
    const page = await createVisitor().open(`${world.issuer}/auth`, { form: { state: 'x'.repeat(40_000) } })
    expectPage(page, 'request_too_large', 413)
  })

  test('an invalid request target is refused or not found, and never a server error', async () => {
    for (const target of [
      '//',
      '///',
      '//evil.example/x',
      '//:',
      '/\\evil.example',
      'http://',
      'http://[',
      'http://a:b/',
      'http://evil.example',
      '*',
      'x',
      '/%',
      '/auth?%',
      '?',
    ]) {
      expect([target, await raw(target)]).toEqual([target, expect.stringMatching(/^HTTP\/1\.1 4\d\d /)])
    }
  })

  test('a body that is not a form is refused', async () => {
    for (const [path, type] of [
      ['/auth', 'application/json'],
      ['/token', 'application/json'],
      ['/token', 'text/plain'],
      ['/request', 'multipart/form-data'],
    ] as const) {
      const reply = await send(`${world.issuer}${path}`, {
        method: 'POST',
        body: '{"client_id":"portal-a"}',
        headers: { 'content-type': type, ...basic('portal-a') },
      })
      expect([path, reply.status]).toEqual([path, 400])
    }
  })

  test('a repeated parameter is refused', async () => {
    const form = new URLSearchParams([
      ['grant_type', 'client_credentials'],
      ['grant_type', 'authorization_code'],
    ])
    const twice = await send(`${world.issuer}/token`, {
      method: 'POST',
      body: form,
      headers: basic('portal-a'),
    })
    expect(twice).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const answer = await browse(`${world.issuer}${authorize}&scope=openid`)
    expect(answer.heard).toMatchObject({ error: 'invalid_request' })
    expect((await browse(`${world.issuer}${authorize}&client_id=noticing`)).heard).toBeUndefined()
  })
})

describe('errors are pages with code and reference, under the strict policy', () => {
  const get = (path: string, visitor = createVisitor()) => visitor.open(`${world.issuer}${path}`)

  test.each([
    '/auth/whatever',
    '/auth/whatever?client_id=portal-a',
    '/auth/whatever?client_id=nobody',
    '/interaction/whatever',
    '/interaction/whatever/start',
    '/interaction/whatever/cancel',
    '/callback',
    '/callback?code=x',
    '/callback?error=access_denied',
    '/callback?state=x&code=x',
    '/auth?posted=unknown',
  ])('%s gets the page for an interaction that no longer exists', async (path) => {
    expectPage(await get(path), 'interaction_gone')
  })

  test('a resumption without a login gives no code, and redirects only to a registered URI', async () => {
    const query = (redirect: string) => encode(wish('portal-a', { redirect_uri: redirect }))
    expectPage(await get(`/auth/whatever?${query('https://evil.example/')}`), 'request_invalid')
    const { heard } = await browse(`${world.issuer}/auth/whatever?${query('http://127.0.0.1:9/cb')}`)
    expect(heard).toMatchObject({ error: 'invalid_request', iss: world.issuer })
  })

  test.each([
    '/',
    '/nothing',
    '/admin',
    '/.env',
    '/token',
    '/auth%2f..%2fjwks',
    '/%ff',
    '/metrics',
    '/health/ready',
  ])('%s is not found', async (path) => expectPage(await get(path), 'not_found', 404))

  test('an API client gets the same error as JSON', async () => {
    const reply = await send(`${world.issuer}/nothing`, { headers: { accept: 'application/json' } })
    expect(reply).toMatchObject({
      status: 404,
      body: { error: 'not_found', reference: reply.headers.get('x-reference') },
    })
  })

  test('the reference on the page is in the log line, and every reference is new', async () => {
    const references = await Promise.all(
      Array.from({ length: 5 }, async () => (await get('/callback')).headers.get('x-reference')),
    )
    expect(new Set(references).size).toBe(5)
    for (const reference of references) {
      expect(world.logLines.filter((line) => line.includes(reference!)).join('')).toContain(
        '"failure":"interaction_gone"',
      )
    }
  })

  test('every answer has the security headers', async () => {
    for (const path of [
      '/nothing',
      '/jwks',
      '/.well-known/openid-configuration',
      '/session/end',
      '/me',
      authorize,
    ]) {
      const { headers } = await send(`${world.issuer}${path}`)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('x-powered-by')).toBeNull()
    }
  })
})

test('none of these requests writes a log line of level error', async () => {
  await userinfo(world, 'x')
  expect(world.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([])
})
