/** Who asks too much waits, and nobody else does: through HTTP, as a proxy in front of the broker tells of callers. */
import { randomBytes } from 'node:crypto'
import * as client from 'openid-client'
import { afterEach, expect, inject, test, vi } from 'vitest'
import { type Budget, type Dimension, type LimitGroup, limitTable } from '../../src/config/limit-table.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { startBroker } from '../support/broker-process.ts'
import { dumpRedis } from '../support/dumps.ts'
import { startRedis } from '../support/private-servers.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalAddress, portalDefinition, secretOf, type World } from '../support/world.ts'

// Budgets are for a minute that slides, and a busy machine takes its time: of a small one nothing comes back so soon.
vi.setConfig({ testTimeout: 90_000 })
const environment = { TRUSTED_PROXIES: '127.0.0.0/8' }
const from = (address: string) => ({ 'x-forwarded-for': address })
const atPortal = (url: string) => url.startsWith(portalAddress)
const open = async (limits: object, more: Record<string, string> = {}) => {
  const world = await openWorld({
    state: 'embedded',
    environment: { ...environment, LIMITS: JSON.stringify(limits), ...more },
  })
  await world.register(
    portalDefinition('portal-a'),
    portalDefinition('portal-b'),
    portalDefinition('machine', {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'legacy_accounts',
    }),
  )
  return world
}
const closing: World[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((world) => world.close()))
})
const opened = async (...given: Parameters<typeof open>) => {
  const world = await open(...given)
  closing.push(world)
  return world
}
const authorize = (world: World, more = '') => `${world.issuer}/auth?client_id=portal-a&${more}`
const limitedBy = async (world: World) => {
  const text = await (await fetch(`${world.operationsUrl}/metrics`)).text()
  return [...text.matchAll(/^limited_total\{group="(\w+)",dimension="(\w+)"\} [1-9]/gm)].map(
    ([, group, dimension]) => `${group} ${dimension}`,
  )
}
const tokenOf = (world: World, id: string, secret: string, address: string) =>
  fetch(`${world.issuer}/token`, {
    method: 'POST',
    headers: {
      ...from(address),
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'legacy_accounts' }),
  })

test('an attacker alone is asked to wait, on a page with code and reference, and hears how long', async () => {
  const world = await opened({ authorize: { newcomers: 3 } })
  const statuses: number[] = []
  for (let index = 0; index < 8; index++) {
    const answer = await fetch(authorize(world), { headers: { ...from('203.0.113.1'), accept: 'text/html' } })
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
  // Another address, and the same one elsewhere, are as they were.
  expect((await fetch(authorize(world), { headers: from('203.0.113.2') })).status).toBe(400)
  expect((await fetch(`${world.issuer}/jwks`, { headers: from('203.0.113.1') })).status).toBe(200)
  expect(await limitedBy(world)).toContain('authorize newcomers')
  const lines = world.logLines.join('')
  expect(lines).toContain('"failure":"too_many_requests"')
  expect(lines).not.toContain('203.0.113')
})

test(
  '300 citizens behind one address log in at once while somebody there floods the door without cookies',
  { timeout: 120_000 },
  async () => {
    const world = await opened({ authorize: { newcomers: 400, address: 100_000 } })
    const portal = await world.portal({ clientId: 'portal-a' })
    const address = from('203.0.113.9')
    const flood = { isOver: false, sent: 0, refused: 0 }
    const attack = async () => {
      while (!flood.isOver) {
        const { status } = await fetch(authorize(world), { headers: address })
        flood.sent++
        if (status === 429) flood.refused++
      }
    }
    const attackers = Array.from({ length: 8 }, attack)
    await expect.poll(() => flood.refused, { timeout: 20_000 }).toBeGreaterThan(100)

    let waited = 0
    const login = async () => {
      const visitor = createVisitor()
      const begun = await portal.begin()
      let page = await visitor.open(begun.url, { headers: address, until: atPortal })
      // What a citizen is shown: the page, and its button.
      if (page.status === 429) {
        waited++
        const [, again = ''] = /<a class="button" href="([^"]+)">Thử lại/.exec(page.body) ?? []
        const url = new URL(again.replaceAll('&amp;', '&'), world.issuer).href
        page = await visitor.open(url, { headers: address, until: atPortal })
      }
      expect(atPortal(page.url) ? 'at the portal' : page.body).toBe('at the portal')
      expect((await portal.redeem(page.url, begun)).access_token).toBeTruthy()
    }
    const crowd = Array.from({ length: 300 }, () => login)
    const lines = Array.from({ length: 30 }, async () => {
      for (let next = crowd.pop(); next !== undefined; next = crowd.pop()) await next()
    })
    await Promise.all(lines)
    flood.isOver = true
    await Promise.all(attackers)
    expect(waited).toBeGreaterThan(0)
    expect(flood.refused / flood.sent).toBeGreaterThan(0.5)
    expect(await world.db.query(`select 1 from audit_event where event = 'login.completed'`)).toHaveLength(
      300,
    )
  },
)

test('a login under way goes on to its end when its address has spent everything', async () => {
  const world = await opened({
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

test('one browser has a budget of its own, and a cookie that nobody gave out is none', async () => {
  const world = await opened({ authorize: { browser: 3, newcomers: 5 } })
  const portal = await world.portal({ clientId: 'portal-a' })
  const { visitor } = await portal.signIn()
  const cookie = [...visitor.cookies(world.issuer)].map(([name, value]) => `${name}=${value}`).join('; ')
  const ask = async (headers: Record<string, string>) =>
    (await fetch(authorize(world), { headers: { ...from('203.0.113.4'), ...headers } })).status
  const known = []
  for (let index = 0; index < 6; index++) known.push(await ask({ cookie }))
  expect(known.filter((status) => status === 429)).toHaveLength(3)
  const forged = []
  for (let index = 0; index < 6; index++)
    forged.push(await ask({ cookie: `browser=${'A'.repeat(20)}${10 + index}~portal-a` }))
  expect(forged.filter((status) => status === 429)).toHaveLength(4)
  expect(await limitedBy(world)).toEqual(expect.arrayContaining(['authorize browser', 'authorize newcomers']))
})

test('a portal that hammers /token with a wrong secret waits; the right holder and all others do not, even beside it', async () => {
  const world = await opened({ token: { failures: 3 } })
  const wrong = async (id: string, address: string) => tokenOf(world, id, 'wrong', address)
  const statuses = []
  for (let index = 0; index < 6; index++) statuses.push((await wrong('machine', '203.0.113.6')).status)
  expect(statuses).toEqual([401, 401, 401, 429, 429, 429])
  const told = await wrong('machine', '203.0.113.6')
  expect(await told.json()).toEqual({
    error: 'temporarily_unavailable',
    error_description: `too_many_requests (${told.headers.get('x-reference')})`,
  })
  expect([told.headers.get('retry-after'), told.headers.get('www-authenticate')]).toEqual([
    expect.stringMatching(/^\d+$/),
    null,
  ])
  for (const address of ['203.0.113.6', '203.0.113.7'])
    expect((await tokenOf(world, 'machine', secretOf('machine'), address)).status).toBe(200)
  expect((await wrong('machine', '203.0.113.7')).status).toBe(401)
  expect((await wrong('portal-b', '203.0.113.6')).status).toBe(401)
  expect(await limitedBy(world)).toContain('token failures')
})

test('a portal has one budget wherever it comes from, and nobody can spend it in its name', async () => {
  const world = await opened({ token: { client: 3, failures: 1_000 } })
  for (let index = 0; index < 9; index++) await tokenOf(world, 'machine', 'wrong', '203.0.113.8')
  // The engine refuses these before it has asked for any proof.
  const claims = [{ alg: 'none' }, { sub: 'machine' }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  for (let index = 0; index < 4; index++) {
    const answer = await fetch(`${world.issuer}/token`, {
      method: 'POST',
      headers: { ...from('203.0.113.8'), 'oauth-client-attestation': `${claims.join('.')}.` },
      body: new URLSearchParams({ client_id: 'machine', grant_type: 'client_credentials' }),
    })
    expect(answer.status).toBe(400)
  }
  const statuses = []
  for (let index = 0; index < 5; index++) {
    const answer = await tokenOf(world, 'machine', secretOf('machine'), `203.0.113.${20 + index}`)
    statuses.push(answer.status)
    if (answer.status !== 429) continue
    expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(answer.headers.get('ratelimit')).toContain('"client";r=0;t=')
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429])
  const portal = await world.portal({ clientId: 'portal-b' })
  expect((await portal.signIn()).tokens.access_token).toBeTruthy()
})

test("the portals' and the operators' APIs tell of it as they tell of every problem", async () => {
  const world = await opened({ portal_api: { client: 3, failures: 3 }, admin: { failures: 3 } })
  const tokens = (await (await tokenOf(world, 'machine', secretOf('machine'), '203.0.113.1')).json()) as {
    access_token: string
  }
  const problem = { status: 429, code: 'too_many_requests', reference: expect.any(String) as string }
  const changes = (token: string) =>
    fetch(`${world.issuer}/legacy-accounts/changes`, { headers: { authorization: `Bearer ${token}` } })
  const right = []
  for (let index = 0; index < 5; index++) right.push(await changes(tokens.access_token))
  expect(right.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429])
  expect(await right[4]!.json()).toMatchObject(problem)
  expect(right[4]!.headers.get('content-type')).toContain('application/problem+json')
  const wrong = []
  for (let index = 0; index < 5; index++) wrong.push(await changes('nothing-that-was-ever-given-out'))
  expect(wrong.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429])
  expect(await wrong[4]!.json()).toMatchObject(problem)

  const operator = await world.operator('viewer', ['viewer'])
  const stranger = () => fetch(`${world.adminUrl}/v1/progress`)
  const asked = []
  for (let index = 0; index < 5; index++) asked.push(await stranger())
  expect(asked.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429])
  expect(await asked[4]!.json()).toMatchObject(problem)
  expect(await operator.call('GET', '/v1/progress')).toBeTruthy()
})

test('every endpoint belongs to the group that the table says, and every answer tells of it', async () => {
  const world = await opened({})
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
    authorize: ['newcomers', 'address'],
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
    expect(await told(`${world.issuer}${path}`, { method: 'POST' })).toEqual(policy('forms', 'address'))
})

test('an address has one spelling: neither capitals nor a slash at the end lead around a budget', async () => {
  const world = await opened({ token: { failures: 1 } })
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

test('nobody can spend the budget of a portal that has no secret by its name', async () => {
  const world = await opened({ token: { client: 2 } })
  const ask = (address: string) =>
    fetch(`${world.issuer}/token`, {
      method: 'POST',
      headers: from(address),
      body: new URLSearchParams({
        client_id: 'operator-console',
        grant_type: 'refresh_token',
        refresh_token: 'made-up',
      }),
    })
  const statuses = []
  for (let index = 0; index < 6; index++) statuses.push((await ask('203.0.113.8')).status)
  statuses.push((await ask('203.0.113.9')).status)
  expect(statuses).toEqual(Array(7).fill(400))
})

test.each([
  { proxies: '127.0.0.0/8', elsewhere: 200 },
  { proxies: '', elsewhere: 429 },
])(
  'nobody fills the store with codes for terminals, also where addresses tell nobody apart (proxies: $proxies)',
  async ({ proxies, elsewhere }) => {
    const world = await opened({ device_code: { address: 3 } }, { TRUSTED_PROXIES: proxies })
    const ask = (headers: Record<string, string>) =>
      fetch(`${world.issuer}/device/auth`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ client_id: 'operator-console', scope: 'operator' }),
      })
    const answers = []
    for (let index = 0; index < 5; index++) answers.push(await ask(from('203.0.113.8')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429])
    expect(await answers[4]!.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(answers[4]!.headers.get('retry-after')).toMatch(/^\d+$/)
    expect((await ask(from('203.0.113.9'))).status).toBe(elsewhere)
  },
)

test('how busy a portal is hears only who proved to be it, and a refusal is reported once', async () => {
  const world = await opened({ token: { client: 2 } })
  const stranger = await tokenOf(world, 'machine', 'wrong', '203.0.113.8')
  expect(stranger.headers.get('ratelimit')).not.toContain('client')
  const statuses = []
  for (let index = 0; index < 4; index++) {
    const answer = await tokenOf(world, 'machine', secretOf('machine'), '203.0.113.9')
    statuses.push(answer.status)
    expect(answer.headers.get('ratelimit')!.match(/"client"/g)).toHaveLength(1)
  }
  expect(statuses).toEqual([200, 200, 429, 429])
  expect(world.logLines.join('').match(/"failure":"too_many_requests"/g)).toHaveLength(2)
})

test('a browser is known by every cookie key, and one whose name we do not know gets one with its next login', async () => {
  const world = await opened({ authorize: { newcomers: 2 } })
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
    (await fetch(authorize(world), { headers: { ...from('203.0.113.4'), ...headers } })).status
  for (let index = 0; index < 2; index++) expect(await ask({})).toBe(400)
  expect(await ask({})).toBe(429)
  expect(await ask({ cookie: known })).toBe(400)
  expect(await ask({ cookie: named })).toBe(400)
  expect(await ask({ cookie: `browser=${forged}` })).toBe(429)
})

test("a portal's form passes where newcomers wait, and its refusal renames no browser", async () => {
  const world = await opened({ authorize: { newcomers: 1 }, forms: { address: 2 } })
  const send = () =>
    fetch(`${world.issuer}/auth`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...from('203.0.113.4'), accept: 'text/html' },
      body: new URLSearchParams({ client_id: 'portal-a' }),
    })
  for (let index = 0; index < 3; index++) await fetch(authorize(world), { headers: from('203.0.113.4') })
  const sent = await send()
  expect(sent.status).toBe(303)
  // By then it is a GET, whose page has a button.
  const next = await fetch(new URL(sent.headers.get('location')!, world.issuer), {
    headers: { ...from('203.0.113.4'), accept: 'text/html' },
  })
  expect([next.status, (await next.text()).includes('Thử lại')]).toEqual([429, true])
  await send()
  const refused = await send()
  expect([refused.status, refused.headers.getSetCookie()]).toEqual([429, []])
})

test('without a known proxy an address that many share limits nobody', async () => {
  const world = await opened({ authorize: { newcomers: 1, address: 1 } }, { TRUSTED_PROXIES: '' })
  for (let index = 0; index < 5; index++)
    expect((await fetch(authorize(world), { headers: from('203.0.113.1') })).status).toBe(400)
})

test.skipIf(inject('redisUrl') === undefined || inject('databaseUrl') === undefined)(
  'two brokers share one count, no address reaches the store, and alone each goes on (needs PostgreSQL and Redis)',
  { timeout: 60_000 },
  async () => {
    const redis = await startRedis()
    const limits = { metadata: { address: 100 } }
    const world = await openWorld({
      environment: { ...environment, STATE_URL: redis!.url, LIMITS: JSON.stringify(limits) },
    })
    const other = await startBroker(world.settings)
    const jwks = async (url: string) => (await fetch(`${url}/jwks`, { headers: from('203.0.113.1') })).status
    for (let index = 0; index < 98; index++) expect(await jwks(world.issuer)).toBe(200)
    // It lets some in before the two have exchanged their counts.
    await expect.poll(() => jwks(other.url), { interval: 200, timeout: 20_000 }).toBe(429)
    other.kill('SIGTERM')
    const held = await dumpRedis(redis!.url)
    expect(held).toContain('limit:')
    expect(held).not.toContain('203.0.113')
    await redis!.stop()
    const statuses = []
    for (let index = 0; index < 40; index++) statuses.push(await jwks(world.issuer))
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
  },
)

test('a portal written with openid-client reads the wait from the answer', async () => {
  const world = await opened({ token: { client: 1 } })
  const portal = await world.portal({
    clientId: 'machine',
    auth: client.ClientSecretBasic(secretOf('machine')),
  })
  const grant = () => client.clientCredentialsGrant(portal.config, { scope: 'legacy_accounts' })
  await grant()
  await expect(grant()).rejects.toMatchObject({ status: 429, error: 'temporarily_unavailable' })
})
