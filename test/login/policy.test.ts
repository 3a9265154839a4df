/** What a portal may require of a session: reuse, age, a prompt, a person. The simulator counts the trips to VNeID. */
import * as client from 'openid-client'
import { expect, test, vi } from 'vitest'
import { registerClients } from '../../src/sandbox/register.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import type { Visitor } from '../../src/sandbox/visitor.ts'
import { agreed } from '../support/registry/agreement.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

// Tests set the clock of simulator, broker and portals forward; they never set it back.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
// Redis would expire records by its own clock.
const world = await openWorld({ state: 'embedded' })
const { simulator } = world
const pass = (seconds: number) => void vi.setSystemTime(Date.now() + seconds * 1000)
const now = () => Math.floor(Date.now() / 1000)

let count = 0
async function open(policy: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) {
  const clientId = `portal-${++count}`
  await world.register(portalDefinition(clientId, { ...metadata, policy }))
  return world.portal({ clientId })
}
/** Signs the citizen in at a first portal. @returns the browser with that session */
async function sessionOf(citizen: string): Promise<Visitor> {
  simulator.approve(citizen)
  return (await (await open()).signIn()).visitor
}
/** The parameters of each trip of this browser to VNeID. */
const trips = ({ steps }: Visitor) =>
  steps
    .filter(({ url }) => url.startsWith(`${simulator.url}/oidc/authorize`))
    .map(({ url }) => Object.fromEntries(new URL(url).searchParams))

test('a second portal in the same session needs no second trip to VNeID', async () => {
  const visitor = await sessionOf('an')
  const before = simulator.requests.authorize
  const { claims, tokens } = await (await open()).signIn({}, visitor)
  expect(simulator.requests.authorize).toBe(before)
  expect(claims.acr).toBe('urn:vneid:2')
  expect(tokens.access_token).toBeTruthy()
})

test('a portal without session reuse sends the citizen to VNeID for a new authentication, every time', async () => {
  const visitor = await sessionOf('an')
  const strict = await open({ session_reuse: false })
  await strict.signIn({}, visitor)
  await strict.signIn({}, visitor)
  expect(trips(visitor)).toEqual([
    expect.not.objectContaining({ prompt: 'login' }),
    expect.objectContaining({ prompt: 'login', max_age: '0' }),
    expect.objectContaining({ prompt: 'login', max_age: '0' }),
  ])
})

test('an old authentication from VNeID for a portal without session reuse is login_required', async () => {
  const visitor = await sessionOf('an')
  const strict = await open({ session_reuse: false })
  simulator.tamper({ staleAuthTime: true })
  await expect(strict.signIn({}, visitor)).rejects.toMatchObject({ error: 'login_required' })
  simulator.tamper({})
})

test('a session serves a portal until it is older than the portal allows', async () => {
  const visitor = await sessionOf('an')
  const patient = await open({ session_max_age: 600 })
  const strict = await open({ session_max_age: 60 })
  pass(120)
  await patient.signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(1)
  await strict.signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(2)
  expect(trips(visitor)[1]).toMatchObject({ prompt: 'login' })
})

test('max_age is enforced and also sent to VNeID, and auth_time is the time of the new authentication', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  pass(120)
  const reused = await portal.signIn({ max_age: '600' }, visitor)
  expect(trips(visitor)).toHaveLength(1)
  const fresh = await portal.signIn({ max_age: '60' }, visitor)
  expect(trips(visitor)[1]).toMatchObject({ max_age: '60' })
  expect(fresh.claims.auth_time! - reused.claims.auth_time!).toBeGreaterThanOrEqual(120)
  expect(now() - fresh.claims.auth_time!).toBeLessThan(60)
})

test('max_age=0 and prompt=login require a new authentication at VNeID', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  for (const wish of [{ max_age: '0' }, { prompt: 'login' }]) {
    const begun = now()
    const { claims } = await portal.signIn(wish, visitor)
    expect(trips(visitor).at(-1)).toMatchObject({ prompt: 'login', max_age: '0' })
    expect(claims.auth_time).toBeGreaterThanOrEqual(begun)
  }
  expect(trips(visitor)).toHaveLength(3)
})

test('an authentication that VNeID remembers from yesterday never satisfies max_age or prompt=login', async () => {
  const portal = await open()
  simulator.approve('an')
  simulator.tamper({ staleAuthTime: true })
  for (const wish of [{ max_age: '60' }, { prompt: 'login' }]) {
    await expect(portal.signIn(wish)).rejects.toMatchObject({ error: 'login_required' })
  }
  simulator.tamper({})
})

test('a request without a maximum age succeeds although VNeID authenticated the citizen long ago', async () => {
  const portal = await open()
  simulator.approve('an')
  simulator.tamper({ staleAuthTime: true })
  const { visitor, tokens, claims } = await portal.signIn()
  simulator.tamper({})
  pass(120)
  await client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)
  await (await open()).signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(1)
})

test('default_max_age and require_auth_time of a registered portal are enforced', async () => {
  const visitor = await sessionOf('an')
  pass(120)
  const { claims } = await (await open({}, { require_auth_time: true })).signIn({}, visitor)
  expect(now() - claims.auth_time!).toBeGreaterThanOrEqual(120)
  await (await open({}, { default_max_age: 60 })).signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(2)
})

test('prompt=none shows no page: it gives tokens with a session, and login_required without', async () => {
  const portal = await open()
  const before = simulator.requests.authorize
  await expect(portal.signIn({ prompt: 'none' })).rejects.toMatchObject({ error: 'login_required' })
  expect(simulator.requests.authorize).toBe(before)
  const visitor = await sessionOf('an')
  await portal.signIn({ prompt: 'none' }, visitor)
  expect(trips(visitor)).toHaveLength(1)
})

test.each([
  ['a new authentication', { session_reuse: false }, {}, 'login_required'],
  ['a higher level', { minimum_level: 2 }, {}, 'unmet_authentication_requirements'],
  ['a level by name', {}, { acr_values: 'urn:vneid:2' }, 'unmet_authentication_requirements'],
  ['another kind of person', { kinds: ['organisation'] }, {}, 'access_denied'],
])('prompt=none is refused without a trip to VNeID if %s is required', async (_, policy, wish, error) => {
  const visitor = await sessionOf('chi')
  const portal = await open(policy)
  await expect(portal.signIn({ prompt: 'none', ...wish }, visitor)).rejects.toMatchObject({ error })
  expect(trips(visitor)).toHaveLength(1)
})

test('prompt=consent, which offline_access requires, does not loop and gives a refresh token', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  const wish = { prompt: 'consent', scope: 'openid offline_access' }
  const { tokens } = await portal.signIn(wish, visitor)
  expect(trips(visitor).length).toBeLessThanOrEqual(2)
  expect(tokens.scope?.split(' ')).toContain('offline_access')
  expect((await portal.signIn(wish)).tokens.refresh_token).toBeTruthy()
})

test('an id_token_hint of the person in the session passes, one of another person is login_required, without a loop', async () => {
  const portal = await open()
  simulator.approve('binh')
  const hint = { id_token_hint: (await portal.signIn()).tokens.id_token! }
  const other = await sessionOf('an')
  await expect(portal.signIn({ ...hint, prompt: 'none' }, other)).rejects.toMatchObject({
    error: 'login_required',
  })
  await expect(portal.signIn(hint, other)).rejects.toMatchObject({ error: 'login_required' })
  expect(trips(other)).toHaveLength(2)
  const same = await sessionOf('binh')
  await portal.signIn(hint, same)
  expect(trips(same)).toHaveLength(1)
  await expect(portal.signIn({ id_token_hint: 'not a token' }, same)).rejects.toMatchObject({
    error: 'invalid_request',
  })
})

test('if the portal expects another person, VNeID authenticates anew and that person can sign in', async () => {
  const portal = await open()
  simulator.approve('binh')
  const first = await portal.signIn()
  const visitor = await sessionOf('an')
  simulator.approve('binh')
  const { claims } = await portal.signIn({ id_token_hint: first.tokens.id_token! }, visitor)
  expect(claims.sub).toBe(first.claims.sub)
  expect(trips(visitor)[1]).toMatchObject({ prompt: 'login' })
})

test('claims.id_token.sub names the expected person: another person is login_required, without a loop', async () => {
  const portal = await open()
  simulator.approve('binh')
  const { claims } = await portal.signIn()
  const wish = { claims: JSON.stringify({ id_token: { sub: { value: claims.sub } } }) }
  expect((await portal.signIn(wish, await sessionOf('binh'))).claims.sub).toBe(claims.sub)
  const other = await sessionOf('an')
  await expect(portal.signIn(wish, other)).rejects.toMatchObject({ error: 'login_required' })
  expect(trips(other)).toHaveLength(2)
})

test('a change of a registered portal applies within seconds, without a restart', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  await portal.signIn({}, visitor)
  const changed = portalDefinition(`portal-${count}`, { policy: { session_reuse: false } })
  await registerClients({ db: world.db, log: { info: () => {} } as never, actor: 'test' }, [agreed(changed)])
  await expect
    .poll(
      async () => {
        await portal.signIn({}, visitor)
        return trips(visitor).length
      },
      { timeout: 4_000, interval: 300 },
    )
    .toBeGreaterThan(1)
})

test('a grant that a replayed code ended stays ended, and the session can still be used at the portal', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  const { begun, page } = await portal.ask({}, visitor)
  const dead = await portal.redeem(page.url, begun)
  // The answer has arrived, so the next use is a replay.
  await portal.userinfo(dead.access_token, dead.claims()!.sub)
  await expect(portal.redeem(page.url, begun)).rejects.toMatchObject({ error: 'invalid_grant' })
  const { tokens, claims } = await portal.signIn({}, visitor)
  expect(await client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)).toMatchObject({
    sub: claims.sub,
  })
  await expect(client.refreshTokenGrant(portal.config, dead.refresh_token!)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  expect(trips(visitor)).toHaveLength(1)
})

test('signing out of one portal and signing in again does not make earlier tokens valid', async () => {
  const portal = await open()
  simulator.approve('an')
  const { visitor, tokens: before } = await portal.signIn()
  const question = await visitor.open(`${world.issuer}/session/end?id_token_hint=${before.id_token}`)
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(question.body) ?? []
  await visitor.open(`${world.issuer}/session/end/confirm`, { form: { xsrf } })
  await portal.signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(1)
  await expect(client.refreshTokenGrant(portal.config, before.refresh_token!)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
})

test('two tabs that open one portal at once both get valid tokens', async () => {
  const visitor = await sessionOf('an')
  const portal = await open()
  const tabs = await Promise.all([portal.signIn({}, visitor), portal.signIn({}, visitor)])
  for (const { tokens, claims } of tabs)
    await client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)
})

test('a session ends at its maximum age, even if it is in use', async () => {
  await world.restart({ SESSION_TTL: '3600' })
  const portal = await open()
  simulator.approve('an')
  const { visitor, tokens, claims } = await portal.signIn()
  for (let use = 0; use < 2; use++) {
    pass(1_200)
    await portal.signIn({}, visitor)
  }
  expect(trips(visitor)).toHaveLength(1)
  pass(1_200)
  await expect(portal.signIn({ prompt: 'none' }, visitor)).rejects.toMatchObject({ error: 'login_required' })
  const userinfo = client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)
  await expect(userinfo).rejects.toMatchObject({ status: 401 })
  await expect(client.refreshTokenGrant(portal.config, tokens.refresh_token!)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  await portal.signIn({}, visitor)
  expect(trips(visitor)).toHaveLength(2)
  await world.restart({ SESSION_TTL: '28800' })
})

const disable = (number: string, at: 'now()' | 'null') =>
  world.db.query(
    `update subject set disabled_at = ${at} where id in (select i.subject_id from identifier_key k
       join identifier i on i.id = k.identifier_id where k.key = any($1::bytea[]))`,
    [world.citizenKeysOf(number)],
  )

test('a disabled person is refused everywhere: at a new sign-in, in a session, and with a refresh token', async () => {
  simulator.approve('vinh')
  const portal = await open()
  const { visitor, tokens } = await portal.signIn()
  await disable(citizenNamed('vinh').number, 'now()')
  await expect(portal.signIn()).rejects.toMatchObject({ error: 'access_denied' })
  await expect((await open()).signIn({}, visitor)).rejects.toMatchObject({ error: 'access_denied' })
  await expect(portal.signIn({ prompt: 'none' }, visitor)).rejects.toMatchObject({ error: 'access_denied' })
  await expect(client.refreshTokenGrant(portal.config, tokens.refresh_token!)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  await disable(citizenNamed('vinh').number, 'null')
  await portal.signIn()
})
