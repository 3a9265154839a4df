/** Limits for portals, operators and terminals: only callers that fail too often have to wait. */
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { from, openLimited } from '../support/operation/limited.ts'
import { secretOf } from '../support/world.ts'

const { world, limit, limitedBy, tokenOf } = await openLimited()

test('a client that floods /token with a wrong secret must wait; the real portal and all others need not', async () => {
  await limit({ token: { failures: 3 } })
  const wrong = async (id: string, address: string) => tokenOf(id, 'wrong', address)
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
    expect((await tokenOf('machine', secretOf('machine'), address)).status).toBe(200)
  expect((await wrong('machine', '203.0.113.7')).status).toBe(401)
  expect((await wrong('portal-b', '203.0.113.6')).status).toBe(401)
  expect(await limitedBy()).toContain('token failures')
})

test('a portal has one budget for all its addresses, and no other caller can spend it in its name', async () => {
  await limit({ token: { client: 3, failures: 1_000 } })
  for (let index = 0; index < 9; index++) await tokenOf('machine', 'wrong', '203.0.113.8')
  // The engine refuses these before it checks any credential.
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
    const answer = await tokenOf('machine', secretOf('machine'), `203.0.113.${20 + index}`)
    statuses.push(answer.status)
    if (answer.status !== 429) continue
    expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(answer.headers.get('ratelimit')).toContain('"client";r=0;t=')
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429])
  const portal = await world.portal({ clientId: 'portal-b' })
  expect((await portal.signIn()).tokens.access_token).toBeTruthy()
})

test("the portals' and the operators' APIs report a limit as they report every problem", async () => {
  await limit({ portal_api: { client: 3, failures: 3 }, admin: { failures: 3 } })
  const tokens = (await (await tokenOf('machine', secretOf('machine'), '203.0.113.1')).json()) as {
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

test('no caller can spend the budget of a portal without a secret by using its name', async () => {
  await limit({ token: { client: 2 } })
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
  'no caller can fill the store with codes for terminals, also if addresses do not identify callers (proxies: $proxies)',
  async ({ proxies, elsewhere }) => {
    await limit({ device_code: { address: 3 } }, { TRUSTED_PROXIES: proxies })
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

test('only an authenticated portal learns how much of its budget is left, and a refusal is reported once', async () => {
  await limit({ token: { client: 2 } })
  const firstLine = world.logLines.length
  const stranger = await tokenOf('machine', 'wrong', '203.0.113.8')
  expect(stranger.headers.get('ratelimit')).not.toContain('client')
  const statuses = []
  for (let index = 0; index < 4; index++) {
    const answer = await tokenOf('machine', secretOf('machine'), '203.0.113.9')
    statuses.push(answer.status)
    expect(answer.headers.get('ratelimit')!.match(/"client"/g)).toHaveLength(1)
  }
  expect(statuses).toEqual([200, 200, 429, 429])
  expect(
    world.logLines
      .slice(firstLine)
      .join('')
      .match(/"failure":"too_many_requests"/g),
  ).toHaveLength(2)
})

test('a portal written with openid-client reads the wait from the answer', async () => {
  await limit({ token: { client: 1 } })
  const portal = await world.portal({
    clientId: 'machine',
    auth: client.ClientSecretBasic(secretOf('machine')),
  })
  const grant = () => client.clientCredentialsGrant(portal.config, { scope: 'legacy_accounts' })
  await grant()
  await expect(grant()).rejects.toMatchObject({ status: 429, error: 'temporarily_unavailable' })
})
