/** The citizen logs out: the question, the session here and at VNeID, and where the citizen goes next. */
import * as client from 'openid-client'
import { expect, inject, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { ask, atHome, bye, dead, leaveAll, openLogout } from '../support/login/logout.ts'
import { press } from '../support/portal.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const { world, newPortal, trips } = await openLogout()

test('a citizen who signs out sees the question in Vietnamese, needs no script, and returns to the portal', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const question = await ask(portal, signedIn, { post_logout_redirect_uri: bye, state: 'a & b' })
  expect(question.status).toBe(200)
  expect(question.body).toContain('<html lang="vi"')
  expect(question.body).toContain('Ông/Bà muốn đăng xuất?')
  expect(question.body).toContain(`Cổng ${portal.id}`)
  expect(question.body).not.toContain('<script')

  const home = await press(signedIn.visitor, question, { logout: 'yes' }, atHome)
  expect(home.url).toBe(`${bye}?state=a+%26+b`)
})

test('a logout also ends the session at VNeID, so that the next person at this computer does not inherit it', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const before = world.simulator.requests.logout
  await leaveAll(portal, signedIn)
  expect(world.simulator.requests.logout).toBe(before + 1)
  const [confirmed, upstream, back] = signedIn.visitor.steps.slice(-3)
  expect(confirmed?.url).toBe(`${world.issuer}/session/end/confirm`)
  expect(upstream?.url).toMatch(`${world.simulator.issuer}/oidc/logout`)
  expect(back).toMatchObject({ status: 303, location: bye })
  expect(back?.url).toMatch(`${world.issuer}/signed-out`)
})

test('a logout without a return address ends on our page', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const page = await press(signedIn.visitor, await ask(portal, signedIn), { logout: 'yes' })
  expect(page).toMatchObject({ status: 200, url: `${world.issuer}/session/end/success` })
  expect(page.body).toContain('Ông/Bà đã đăng xuất')
})

test('the tokens of all portals of the session become invalid with it', async () => {
  const [first, second] = [await newPortal(), await newPortal()]
  const atFirst = await first.signIn()
  const atSecond = await second.signIn({}, atFirst.visitor)
  await leaveAll(first, atFirst)
  await expect(first.userinfo(atFirst.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(second.userinfo(atSecond.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(first.refresh(atFirst.tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  await expect(second.refresh(atSecond.tokens.refresh_token)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
})

test('after a logout the next sign-in goes to VNeID again', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  await portal.signIn({}, signedIn.visitor)
  expect(trips(signedIn.visitor)).toBe(1)
  await leaveAll(portal, signedIn)
  await portal.signIn({}, signedIn.visitor)
  expect(trips(signedIn.visitor)).toBe(2)
})

test('a logout question that is answered twice, with the back button, ends on a page', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const question = await ask(portal, signedIn)
  await press(signedIn.visitor, question, { logout: 'yes' })
  const again = await press(signedIn.visitor, question, { logout: 'yes' })
  expect(again.status).toBe(200)
  expect(again.body).toContain('Ông/Bà đã đăng xuất')
})

test('tokens that ended when a citizen signed out of one portal stay invalid when the citizen signs in there again', async () => {
  const portal = await newPortal()
  const before = await portal.signIn()
  await press(before.visitor, await ask(portal, before))
  const after = await portal.signIn({}, before.visitor)
  expect(trips(before.visitor)).toBe(1)
  await expect(portal.userinfo(after.tokens.access_token)).resolves.toMatchObject({ sub: before.claims.sub })
  await expect(portal.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(portal.refresh(before.tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
})

test('a session ends at logout even if nothing can be recorded', async () => {
  const portal = await newPortal()
  const [displaced, leaving] = [await portal.signIn(), await portal.signIn()]
  await world.db.script(
    `alter table audit_event add constraint full_disk check (event <> 'session.ended') not valid`,
  )
  world.simulator.approve('binh')
  try {
    expect((await portal.ask({ prompt: 'login' }, displaced.visitor)).page.status).toBe(500)
    expect((await leaveAll(portal, leaving)).url).toBe(bye)
  } finally {
    world.simulator.approve('an')
    await world.db.script('alter table audit_event drop constraint full_disk')
  }
  for (const { visitor, tokens } of [displaced, leaving]) {
    await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject(dead)
    expect((await portal.ask({ prompt: 'none' }, visitor)).answer).toMatchObject({ error: 'login_required' })
  }
})

test('a grant for offline use outlives the session, however the session ends', async () => {
  const [portal, other] = [await newPortal(), await newPortal()]
  const consent = { prompt: 'consent' }

  const left = await portal.signIn(consent)
  expect(left.tokens.scope).toContain('offline_access')
  await leaveAll(portal, left)
  const renewed = await portal.refresh(left.tokens.refresh_token)
  expect(await portal.userinfo(renewed.access_token)).toMatchObject({
    sub: left.claims.sub,
    name: 'Nguyễn Văn An',
  })

  const displaced = await portal.signIn(consent)
  world.simulator.approve('binh')
  try {
    await other.signIn({ prompt: 'login' }, displaced.visitor)
  } finally {
    world.simulator.approve('an')
  }
  const again = await portal.refresh(displaced.tokens.refresh_token)
  expect(again.claims()?.sub).toBe(displaced.claims.sub)
})

test('a logout of a citizen who is not signed in shows no question, no script and no cookie', async () => {
  const portal = await newPortal()
  const visitor = createVisitor()
  const wish = { post_logout_redirect_uri: bye, state: 's', client_id: portal.id }
  const url = client.buildEndSessionUrl(portal.config, wish)
  expect((await visitor.open(url.href, { until: atHome })).url).toBe(`${bye}?state=s`)
  expect(visitor.steps.map(({ url: step }) => new URL(step).pathname)).toEqual([
    '/session/end',
    '/oidc/logout',
    '/signed-out',
  ])

  const page = await visitor.open(`${world.issuer}/session/end`)
  expect(page).toMatchObject({ status: 200, url: `${world.issuer}/session/end/success` })
  expect(page.body).toContain('Ông/Bà đã đăng xuất')
  expect(visitor.cookies(world.issuer).size).toBe(0)
})

test('a citizen is redirected only to an address that the portal registered', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  for (const hint of [{ id_token_hint: signedIn.tokens.id_token! }, { client_id: portal.id }]) {
    const wish = { ...hint, post_logout_redirect_uri: `${bye}/elsewhere` }
    const question = await signedIn.visitor.open(client.buildEndSessionUrl(portal.config, wish).href)
    const page = await press(signedIn.visitor, question, { logout: 'yes' })
    expect(page.url).toBe(`${world.issuer}/session/end/success`)
    await portal.signIn({}, signedIn.visitor)
  }
  const nameless = await createVisitor().open(
    `${world.issuer}/session/end?post_logout_redirect_uri=${encodeURIComponent(bye)}`,
  )
  expect(nameless.url).toBe(`${world.issuer}/session/end/success`)
})

test('a logout also ends the session at VNeID on the direct road', async () => {
  const direct = await openWorld({ dialect: 'vneid' })
  await direct.register(portalDefinition('direct'))
  const portal = await direct.portal({ clientId: 'direct' })
  const signedIn = await portal.signIn()
  expect((await leaveAll(portal, signedIn)).url).toBe(bye)
  expect(direct.simulator.requests.logout).toBe(1)
})

test.skipIf(inject('redisUrl') === undefined)(
  'a logout ends the session at VNeID also if no sign-in has happened since the broker started',
  async () => {
    const portal = await newPortal()
    const signedIn = await portal.signIn()
    const before = world.simulator.requests.logout
    await world.restart()
    expect((await leaveAll(portal, signedIn)).url).toBe(bye)
    expect(world.simulator.requests.logout).toBe(before + 1)
  },
)
