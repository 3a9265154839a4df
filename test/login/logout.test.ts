/** The way out: the question, the portals told, VNeID's own session, and the next person at the computer. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { expect, inject, test } from 'vitest'
import { type Page, type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { signer } from '../support/keys.ts'
import { openListener } from '../support/operation/listener.ts'
import { type Portal, type SignedIn, press } from '../support/portal.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const listener = await openListener()
const bye = 'http://127.0.0.1:9/bye'
const atHome = (url: string) => url.startsWith(bye)
const loopback = { private_networks: ['127.0.0.0/8'] }

let portals = 0
async function newPortal(changes: Record<string, unknown> = {}): Promise<Portal & { id: string }> {
  const clientId = `portal-${++portals}`
  await world.register(portalDefinition(clientId, changes))
  return { ...(await world.portal({ clientId, scope: 'openid profile offline_access' })), id: clientId }
}
const told = (changes: Record<string, unknown> = {}) =>
  newPortal({ backchannel_logout_uri: `${listener.url}/portal-${portals + 1}`, policy: loopback, ...changes })

function ask(
  portal: Portal,
  { visitor, tokens }: SignedIn,
  parameters: Record<string, string> = {},
): Promise<Page> {
  const url = client.buildEndSessionUrl(portal.config, { id_token_hint: tokens.id_token!, ...parameters })
  return visitor.open(url.href)
}
const leaveAll = async (portal: Portal, signedIn: SignedIn) =>
  press(
    signedIn.visitor,
    await ask(portal, signedIn, { post_logout_redirect_uri: bye }),
    { logout: 'yes' },
    atHome,
  )

async function logoutToken(path: string, audience: string) {
  const keys = (await (await fetch(`${world.issuer}/jwks`)).json()) as JSONWebKeySet
  const token = new URLSearchParams(listener.received(path).at(-1)).get('logout_token')
  const { payload } = await jwtVerify(token ?? '', createLocalJWKSet(keys), {
    issuer: world.issuer,
    audience,
    typ: 'logout+jwt',
  })
  return payload
}
const dead = { status: 401 }
const trips = (visitor: Visitor) =>
  visitor.steps.filter(({ url }) => url.startsWith(`${world.simulator.issuer}/oidc/authorize`)).length

test('a citizen who leaves is asked in Vietnamese, needs no script, and comes back to the portal', async () => {
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

test('the session at VNeID ends as well, so that the next person at this computer does not inherit it', async () => {
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

test('a portal that names no address of its own leaves the citizen on our page', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const page = await press(signedIn.visitor, await ask(portal, signedIn), { logout: 'yes' })
  expect(page).toMatchObject({ status: 200, url: `${world.issuer}/session/end/success` })
  expect(page.body).toContain('Ông/Bà đã đăng xuất')
})

test('the tokens of all portals of the session die with it', async () => {
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

test('after logout the next login goes to VNeID again', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  await portal.signIn({}, signedIn.visitor)
  expect(trips(signedIn.visitor)).toBe(1)
  await leaveAll(portal, signedIn)
  await portal.signIn({}, signedIn.visitor)
  expect(trips(signedIn.visitor)).toBe(2)
})

test('a question answered twice, by the back button, ends on a page', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  const question = await ask(portal, signedIn)
  await press(signedIn.visitor, question, { logout: 'yes' })
  const again = await press(signedIn.visitor, question, { logout: 'yes' })
  expect(again.status).toBe(400)
  expect(again.body).toContain('<html lang="vi"')
})

test('leaving only one portal keeps the session for the others', async () => {
  const [first, second] = [await told(), await told()]
  const atFirst = await first.signIn()
  const atSecond = await second.signIn({}, atFirst.visitor)
  const page = await press(atFirst.visitor, await ask(first, atFirst))
  expect(page.body).toContain(`Cổng ${first.id}`)
  await expect(first.userinfo(atFirst.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(second.userinfo(atSecond.tokens.access_token)).resolves.toMatchObject({
    sub: atSecond.claims.sub,
  })
  expect(listener.received(`/${first.id}`)).toHaveLength(1)
  expect(listener.received(`/${second.id}`)).toHaveLength(0)

  await second.signIn({}, atFirst.visitor)
  expect(trips(atFirst.visitor)).toBe(1)
})

test('what died when a citizen left one portal stays dead when the citizen comes back to it', async () => {
  const portal = await newPortal()
  const before = await portal.signIn()
  await press(before.visitor, await ask(portal, before))
  const after = await portal.signIn({}, before.visitor)
  expect(trips(before.visitor)).toBe(1)
  await expect(portal.userinfo(after.tokens.access_token)).resolves.toMatchObject({ sub: before.claims.sub })
  await expect(portal.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(portal.refresh(before.tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
})

test('every portal of the session is told by a logout token', async () => {
  const [first, second] = [await told({ backchannel_logout_session_required: true }), await told()]
  const atFirst = await first.signIn()
  const atSecond = await second.signIn({}, atFirst.visitor)
  await leaveAll(second, atSecond)

  // OIDC Back-Channel Logout 1.0 §2.4.
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const atTheFirst = await logoutToken(`/${first.id}`, first.id)
  expect(atTheFirst).toMatchObject({ sub: atFirst.claims.sub, events: event, sid: atFirst.claims['sid'] })
  expect(atTheFirst.sid).toEqual(expect.any(String))
  expect(atTheFirst).not.toHaveProperty('nonce')
  const atTheSecond = await logoutToken(`/${second.id}`, second.id)
  expect(atTheSecond).toMatchObject({ sub: atSecond.claims.sub, events: event, jti: expect.any(String) })
})

test('a portal on a private address outside its allow-list is not contacted, and cannot keep the session alive', async () => {
  const portal = await told({ policy: { private_networks: ['10.0.0.0/8'] } })
  const signedIn = await portal.signIn()
  expect((await leaveAll(portal, signedIn)).url).toBe(bye)
  expect(listener.received(`/${portal.id}`)).toHaveLength(0)
  await expect(portal.userinfo(signedIn.tokens.access_token)).rejects.toMatchObject(dead)
  expect(
    world.logLines.filter((line) => line.includes('logout.undelivered') && line.includes(portal.id)),
  ).toHaveLength(1)
})

test('another person at the same browser ends the session before, tells its portals, and inherits nothing', async () => {
  const [first, second] = [await told(), await newPortal()]
  const before = await first.signIn()
  world.simulator.approve('binh')
  try {
    const other = await second.signIn({ prompt: 'login' }, before.visitor)
    expect(await logoutToken(`/${first.id}`, first.id)).toMatchObject({ sub: before.claims.sub })
    await expect(first.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
    await expect(first.refresh(before.tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })

    const next = await first.signIn({}, before.visitor)
    expect(next.claims.sub).not.toBe(before.claims.sub)
    expect(await first.userinfo(next.tokens.access_token)).toMatchObject({ name: 'Trần Thị Bình' })
    expect(await second.userinfo(other.tokens.access_token)).toMatchObject({ name: 'Trần Thị Bình' })
    await expect(first.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
  } finally {
    world.simulator.approve('an')
  }
})

test('a session that has to end ends, even when nothing can be recorded any more', async () => {
  const portal = await newPortal()
  const [displaced, leaving] = [await portal.signIn(), await portal.signIn()]
  await world.db.script(
    `alter table audit_event add constraint full_disk check (event <> 'session.ended') not valid`,
  )
  world.simulator.approve('binh')
  try {
    expect((await portal.ask({ prompt: 'login' }, displaced.visitor)).page.status).toBe(500)
    expect((await leaveAll(portal, leaving)).status).toBe(500)
  } finally {
    world.simulator.approve('an')
    await world.db.script('alter table audit_event drop constraint full_disk')
  }
  for (const { visitor, tokens } of [displaced, leaving]) {
    await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject(dead)
    expect((await portal.ask({ prompt: 'none' }, visitor)).answer).toMatchObject({ error: 'login_required' })
  }
})

test('what was granted for offline use outlives the session, whoever ends it', async () => {
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

test('a portal may send a citizen out who is not signed in: no question, no script, no cookie', async () => {
  const portal = await newPortal()
  const visitor = createVisitor()
  const wish = { post_logout_redirect_uri: bye, state: 's', client_id: portal.id }
  const url = client.buildEndSessionUrl(portal.config, wish)
  expect((await visitor.open(url.href, { until: atHome })).url).toBe(`${bye}?state=s`)
  expect(visitor.steps).toHaveLength(1)

  const page = await visitor.open(`${world.issuer}/session/end`)
  expect(page).toMatchObject({ status: 200, url: `${world.issuer}/session/end/success` })
  expect(page.body).toContain('Ông/Bà đã đăng xuất')
  expect(visitor.cookies(world.issuer).size).toBe(0)
})

test('a citizen is only sent to an address that the portal registered', async () => {
  const portal = await newPortal()
  const signedIn = await portal.signIn()
  for (const hint of [{ id_token_hint: signedIn.tokens.id_token! }, { client_id: portal.id }]) {
    const wish = { ...hint, post_logout_redirect_uri: `${bye}/elsewhere` }
    const page = await signedIn.visitor.open(client.buildEndSessionUrl(portal.config, wish).href)
    expect(page).toMatchObject({ status: 400, url: expect.stringContaining(world.issuer) })
  }
  const nameless = await createVisitor().open(
    `${world.issuer}/session/end?post_logout_redirect_uri=${encodeURIComponent(bye)}`,
  )
  expect(nameless.url).toBe(`${world.issuer}/session/end/success`)
})

test('keys of a portal are fetched from a private address only where its allow-list has it', async () => {
  const { privateKey, jwks } = await signer()
  const withKeysAt = async (path: string, policy: object) => {
    listener.serve(path, jwks)
    const clientId = `keys-${path.slice(1)}`
    await world.register(
      portalDefinition(clientId, {
        client_secret: undefined,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks_uri: `${listener.url}${path}`,
        policy,
      }),
    )
    return world.portal({ clientId, auth: client.PrivateKeyJwt(privateKey) })
  }
  const allowed = await withKeysAt('/allowed', loopback)
  await expect(allowed.signIn()).resolves.toMatchObject({ claims: { acr: 'urn:vneid:2' } })
  expect(listener.received('/allowed')).toHaveLength(1)

  const refused = await withKeysAt('/refused', {})
  await expect(refused.signIn()).rejects.toMatchObject({ error: 'invalid_client' })
  expect(listener.received('/refused')).toHaveLength(0)
})

test('the session at VNeID ends on the direct road as well', async () => {
  const direct = await openWorld({ dialect: 'vneid' })
  await direct.register(portalDefinition('direct'))
  const portal = await direct.portal({ clientId: 'direct' })
  const signedIn = await portal.signIn()
  expect((await leaveAll(portal, signedIn)).url).toBe(bye)
  expect(direct.simulator.requests.logout).toBe(1)
})

test.skipIf(inject('redisUrl') === undefined)(
  'the session at VNeID ends also where nobody has signed in since the broker was started',
  async () => {
    const restarted = await openWorld({ state: 'server' })
    await restarted.register(portalDefinition('before'))
    const portal = await restarted.portal({ clientId: 'before' })
    const signedIn = await portal.signIn()
    await restarted.restart()
    expect((await leaveAll(portal, signedIn)).url).toBe(bye)
    expect(restarted.simulator.requests.logout).toBe(1)
  },
)
