/** Limits for citizens and newcomers, through HTTP, as a proxy in front of the broker reports callers' addresses. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Budget, type Dimension, type LimitGroup, limitTable } from '../../src/config/limit-table.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { atPortal, from, openLimited } from '../support/operation/limited.ts'
import { recordSecrets } from '../support/record.ts'
import { portalDefinition } from '../support/world.ts'

const { world, limit, authorize, limitedBy } = await openLimited()

test('only the attacker has to wait, and gets a page with code, reference and the time to wait', async () => {
  await limit({ authorize: { newcomers: 3 } })
  const statuses: number[] = []
  for (let index = 0; index < 8; index++) {
    const answer = await fetch(authorize, { headers: { ...from('203.0.113.1'), accept: 'text/html' } })
    statuses.push(answer.status)
    const text = await answer.text()
    if (answer.status !== 429) continue
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(answer.headers.get('ratelimit-policy')).toBe('"newcomers";q=3;w=60')
    expect(answer.headers.get('ratelimit')).toBe(`"newcomers";r=0;t=${answer.headers.get('retry-after')}`)
    for (const part of [
      'too_many_requests',
      answer.headers.get('x-reference')!,
      'Có quá nhiều yêu cầu',
      'Thử lại',
    ])
      expect(text).toContain(part)
  }
  expect(statuses.filter((status) => status === 429)).toHaveLength(5)
  // Another address, and the same address at another endpoint, are not limited.
  expect((await fetch(authorize, { headers: from('203.0.113.2') })).status).toBe(400)
  expect((await fetch(`${world.issuer}/jwks`, { headers: from('203.0.113.1') })).status).toBe(200)
  expect(await limitedBy()).toContain('authorize newcomers')
  const lines = world.logLines.join('')
  expect(lines).toContain('"failure":"too_many_requests"')
  expect(lines).not.toContain('203.0.113')
})

test('a login that has begun can be completed when its address has used up its budget', async () => {
  await limit({
    authorize: { newcomers: 2, address: 2 },
    callback: { newcomers: 1 },
    pages: { newcomers: 1 },
  })
  await world.register(portalDefinition('noticed', { policy: { notice: true } }))
  const portal = await world.portal({ clientId: 'noticed' })
  const address = from('203.0.113.5')
  const visitor = createVisitor()
  const begun = await portal.begin()
  const notice = await visitor.open(begun.url, { headers: address })
  for (const path of ['/auth', '/callback', '/interaction/x', '/interaction/x'])
    for (let index = 0; index < 4; index++) await fetch(`${world.issuer}${path}`, { headers: address })
  expect((await fetch(`${world.issuer}/auth`, { headers: address })).status).toBe(429)
  expect((await fetch(`${world.issuer}/interaction/x`, { headers: address })).status).toBe(429)
  const [, go = ''] = /<a class="button" href="([^"]+)"/.exec(notice.body) ?? []
  const home = await visitor.open(new URL(go, world.issuer).href, { headers: address, until: atPortal })
  expect((await portal.redeem(home.url, begun)).access_token).toBeTruthy()
})

test('each browser has its own budget, and a cookie that the broker did not issue gives none', async () => {
  await limit({ authorize: { browser: 3, newcomers: 5 } })
  const portal = await world.portal({ clientId: 'portal-a' })
  const { visitor } = await portal.signIn()
  const cookie = [...visitor.cookies(world.issuer)].map(([name, value]) => `${name}=${value}`).join('; ')
  const ask = async (headers: Record<string, string>) =>
    (await fetch(authorize, { headers: { ...from('203.0.113.4'), ...headers } })).status
  const known = []
  for (let index = 0; index < 6; index++) known.push(await ask({ cookie }))
  expect(known.filter((status) => status === 429)).toHaveLength(3)
  const forged = []
  for (let index = 0; index < 6; index++)
    forged.push(await ask({ cookie: `browser=${'A'.repeat(20)}${10 + index}~portal-a` }))
  expect(forged.filter((status) => status === 429)).toHaveLength(4)
  expect(await limitedBy()).toEqual(expect.arrayContaining(['authorize browser', 'authorize newcomers']))
})

test('every endpoint belongs to its group in the table, and every answer reports the limit of the group', async () => {
  await limit({})
  const told = async (url: string, init: RequestInit = {}) => {
    const answer = await fetch(url, { redirect: 'manual', ...init, headers: from('203.0.113.1') })
    expect(answer.headers.get('ratelimit')).toMatch(/^"\w+";r=\d+;t=\d+/)
    return answer.headers.get('ratelimit-policy')?.split(', ')
  }
  const policy = (group: LimitGroup, ...which: Dimension[]) =>
    which.map((name) => `"${name}";q=${(limitTable[group] as Budget)[name]};w=60`)
  const paths: Record<Exclude<LimitGroup, 'admin' | 'forms'>, string[]> = {
    authorize: ['/auth'],
    callback: ['/callback'],
    pages: [
      '/',
      '/nothing',
      '/interaction/x',
      '/interaction/x/start',
      '/session/end',
      '/signed-out',
      '/auth/x',
    ],
    user_code: ['/device', '/device/x'],
    token: ['/token', '/token/revocation'],
    device_code: ['/device/auth'],
    par: ['/request'],
    introspection: ['/token/introspection'],
    userinfo: ['/me'],
    portal_api: ['/legacy-accounts/changes', '/figures'],
    metadata: ['/jwks', '/.well-known/openid-configuration'],
  }
  const first: Partial<Record<LimitGroup, Dimension[]>> = {
    authorize: ['newcomers', 'address', 'bytes'],
    callback: ['newcomers'],
    pages: ['newcomers'],
    user_code: ['newcomers', 'address'],
  }
  for (const [group, all] of Object.entries(paths) as [LimitGroup, string[]][]) {
    for (const path of all) {
      const expected = policy(group, ...(first[group] ?? ['address']))
      expect({ path, told: (await told(`${world.issuer}${path}`))?.slice(0, expected.length) }).toEqual({
        path,
        told: expected,
      })
    }
  }
  expect((await told(`${world.adminUrl}/v1/progress`))?.[0]).toBe(policy('admin', 'address')[0])
  for (const path of ['/auth', '/session/end'])
    expect(await told(`${world.issuer}${path}`, { method: 'POST' })).toEqual(
      policy('forms', 'address', 'bytes'),
    )
})

test('an address has one spelling: capitals or a trailing slash do not bypass a budget', async () => {
  await limit({ token: { failures: 1 } })
  const others = [
    '/TOKEN',
    '/token/',
    '/Token',
    '/token/Introspection',
    '/token/revocation/',
    '/AUTH',
    '/auth/',
  ]
  others.push(
    '/DEVICE',
    '/Device/',
    '/device/',
    '/device/AUTH',
    '/device/auth/',
    '/REQUEST',
    '/request/',
    '/ME',
  )
  others.push('/jwks/', '/JWKS', '/session/END', '/Session/end', '/session/end/', '/session/end/Confirm')
  others.push(
    '/CALLBACK',
    '/callback/',
    '/Figures',
    '/figures/',
    '/Legacy-accounts/changes',
    '/Interaction/x',
  )
  others.push('/.well-known/openid-configuration/', '/.well-known/OpenID-configuration', '/signed-out/')
  const asked = others.flatMap((path) => ['GET', 'POST'].map((method) => ({ method, path })))
  const answers = asked.map(async ({ method, path }) => {
    const answer = await fetch(`${world.issuer}${path}?user_code=BCD-FGH-JKL`, {
      method,
      redirect: 'manual',
      headers: from('203.0.113.1'),
      ...(method === 'POST' && {
        body: new URLSearchParams({ client_id: 'machine', client_secret: 'wrong' }),
      }),
    })
    return { method, path, status: answer.status, form: (await answer.text()).includes('<form') }
  })
  expect(await Promise.all(answers)).toEqual(asked.map((one) => ({ ...one, status: 404, form: false })))
})

test('a browser is recognised under every cookie key, and one without a valid name gets one at login', async () => {
  await limit({ authorize: { newcomers: 2 } })
  const [old = ''] = world.settings['COOKIE_KEYS']!.split(',')
  const portal = await world.portal({ clientId: 'portal-a' })
  const cookieOf = (visitor: ReturnType<typeof createVisitor>) =>
    [...visitor.cookies(world.issuer)].map(([name, value]) => `${name}=${value}`).join('; ')
  const known = cookieOf((await portal.signIn()).visitor)
  const forged = `${'A'.repeat(22)}~portal-a`
  const begun = await fetch((await portal.begin()).url, {
    headers: { ...from('203.0.113.3'), cookie: `browser=${forged}` },
    redirect: 'manual',
  })
  expect(begun.status).toBe(303)
  const named = /^browser=[^;]+/.exec(begun.headers.getSetCookie().join('\n'))?.[0] ?? ''
  expect(named).not.toContain('AAAA')

  const added = randomBytes(32).toString('base64url')
  recordSecrets([added])
  await world.restart({ COOKIE_KEYS: `${added},${old}` })
  const ask = async (headers: Record<string, string>) =>
    (await fetch(authorize, { headers: { ...from('203.0.113.4'), ...headers } })).status
  for (let index = 0; index < 2; index++) expect(await ask({})).toBe(400)
  expect(await ask({})).toBe(429)
  expect(await ask({ cookie: known })).toBe(400)
  expect(await ask({ cookie: named })).toBe(400)
  expect(await ask({ cookie: `browser=${forged}` })).toBe(429)
})

test("a portal's form is accepted where new browsers must wait, and its refusal does not rename a browser", async () => {
  await limit({ authorize: { newcomers: 1 }, forms: { address: 2 } })
  const send = () =>
    fetch(`${world.issuer}/auth`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...from('203.0.113.4'), accept: 'text/html' },
      body: new URLSearchParams({ client_id: 'portal-a' }),
    })
  for (let index = 0; index < 3; index++) await fetch(authorize, { headers: from('203.0.113.4') })
  const sent = await send()
  expect(sent.status).toBe(303)
  // The redirect leads to a GET, and its refusal is a page with a button.
  const next = await fetch(new URL(sent.headers.get('location')!, world.issuer), {
    headers: { ...from('203.0.113.4'), accept: 'text/html' },
  })
  expect([next.status, (await next.text()).includes('Thử lại')]).toEqual([429, true])
  await send()
  const refused = await send()
  expect([refused.status, refused.headers.getSetCookie()]).toEqual([429, []])
})

test('without a known proxy an address that many callers share is not limited', async () => {
  await limit({ authorize: { newcomers: 1, address: 1 } }, { TRUSTED_PROXIES: '' })
  for (let index = 0; index < 5; index++)
    expect((await fetch(authorize, { headers: from('203.0.113.1') })).status).toBe(400)
})
