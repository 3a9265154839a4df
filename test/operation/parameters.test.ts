/** A request with many parameters must not block the process. The test counts calls, not milliseconds. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'))

const paths = [
  '/auth',
  '/auth/aaaaaaaaaaaaaaaaaaaaaaaaaaa',
  '/callback',
  '/session/end',
  '/session/end/success',
  '/device',
  '/interaction/aaaaaaaaaaaaaaaaaaaaaaaaaaa/finish',
  '/userinfo',
  '/jwks',
  '/.well-known/openid-configuration',
  '/legacy-accounts/changes',
  '/figures',
  '/nothing-here',
]
const listeners = [
  ...paths.map((path) => ({ listener: 'public', path })),
  { listener: 'admin', path: '/v1/clients' },
  { listener: 'admin', path: '/v1/nothing-here' },
]
const urlOf = ({ listener, path }: (typeof listeners)[number], query: string) =>
  `${listener === 'admin' ? world.adminUrl : world.issuer}${path}?${query}`

/** Koa's reader calls it once for each parameter, and each call searches all of them. */
const searches = vi.spyOn(URLSearchParams.prototype, 'getAll')
beforeEach(() => void searches.mockClear())

/** 14 kB: with its headers, as large as a listener accepts. */
const many = 'a&'.repeat(7_000)

describe.each(listeners)('$listener $path', (route) => {
  test.each([
    ['one name 7,000 times', many],
    ['3,000 names', Array.from({ length: 3_000 }, (_, index) => `${index.toString(36)}&`).join('')],
    ['101 parameters', 'a=1&'.repeat(100) + 'b=2'],
  ])('refuses %s before the limits, and reads nothing', async (_, query) => {
    const { status, headers } = await fetch(urlOf(route, query), { redirect: 'manual' })
    expect(status).toBe(413)
    expect(headers.get('ratelimit')).toBeNull()
    expect(searches).not.toHaveBeenCalled()
  })

  test('accepts 100 parameters, and reads each once', async () => {
    const { status } = await fetch(urlOf(route, 'a=1&'.repeat(99) + 'b=2'), { redirect: 'manual' })
    expect(status).not.toBe(413)
    expect(status).toBeLessThan(500)
    expect(searches).not.toHaveBeenCalled()
  })
})

test.each([
  { path: '/auth', status: 400 },
  { path: '/session/end', status: 303 },
])('a form of many parameters at $path is refused, and one of 100 is taken', async ({ path, status }) => {
  const send = (body: string) =>
    fetch(`${world.issuer}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      redirect: 'manual',
    })
  expect((await send('a&'.repeat(16_000))).status).toBe(413)
  const taken = await send('a&'.repeat(99) + 'a')
  expect(taken.status).toBe(303)
  const next = await fetch(new URL(taken.headers.get('location')!, world.issuer), { redirect: 'manual' })
  expect(next.status).toBe(status)
  expect(searches).not.toHaveBeenCalled()
})

test.each(['/token', '/request', '/token/introspection', '/token/revocation', '/device/auth', '/me'])(
  'the engine reads at most 100 parameters of a form at %s',
  async (path) => {
    const send = async (body: string) => {
      const answer = await fetch(`${world.issuer}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      })
      return { status: answer.status, text: await answer.text() }
    }
    for (const body of ['a&'.repeat(28_000), `${'a=1&'.repeat(100)}b=2`]) {
      const refused = await send(body)
      expect(refused.status).toBe(400)
      expect(JSON.parse(refused.text)).toMatchObject({ error: 'invalid_request' })
      expect(refused.text).toContain('failed to parse the request body')
    }
    const taken = await send(`${'a=1&'.repeat(99)}b=2`)
    expect(taken.status).toBeLessThan(500)
    expect(taken.text).not.toContain('failed to parse the request body')
  },
)

test('a repeated parameter is still seen as repeated, and a parameter may have any name', async () => {
  const query = new URLSearchParams({ client_id: 'portal-a', __proto__: '1' }).toString()
  const twice = await fetch(`${world.issuer}/auth?${query}&__proto__=2&client_id=portal-a`)
  expect(twice.status).toBe(400)
  expect(await twice.text()).toContain('Chưa thể mở trang đăng nhập')
  expect(searches).not.toHaveBeenCalled()
})
