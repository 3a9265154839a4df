/**
 * A portal that is suspended or retired: the engine no longer knows it, and its tokens and sessions end permanently. A
 * reactivated portal is in service from the next whole second on, so the tests that wait for it run at the same time.
 */
import * as client from 'openid-client'
import { expect, inject, test, vi } from 'vitest'
import { errorTable } from '../../src/errors.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openNode } from '../support/node.ts'
import { openListener } from '../support/operation/listener.ts'
import { press } from '../support/portal.ts'
import { createCallers } from '../support/portals/callers.ts'
import { basic, browse, encode, post, wish } from '../support/wire.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const periods = { renewal: 50 }
const world = await openWorld({ periods })
const registrar = await world.operator('rita.registrar', ['registrar'])
const callers = createCallers(world)
const act = (what: 'suspend' | 'activate' | 'retire', id: string) =>
  registrar.call('POST', `/v1/clients/${id}/${what}`, { reason: 'for the test' })
/** How openid-client reports a 401 with a challenge. */
const invalidClient = { status: 401, cause: [{ parameters: { error: 'invalid_client' } }] }
const within5s = { timeout: 5_000, interval: 10 }

let count = 0
async function newPortal(changes: Record<string, unknown> = {}) {
  const id = `shut-${++count}`
  await world.register(portalDefinition(id, changes))
  return { id, portal: await world.portal({ clientId: id, scope: 'openid profile offline_access' }) }
}
/** Waits until this node has read the change, as a citizen sees it. */
const isShut = (id: string, shut = true) =>
  vi.waitFor(async () => {
    const { status } = await fetch(`${world.issuer}/auth?${encode(wish(id))}`, { redirect: 'manual' })
    expect(status === 403).toBe(shut)
  }, within5s)
async function suspendAndReturn(id: string) {
  await act('suspend', id)
  await isShut(id)
  await act('activate', id)
  await isShut(id, false)
}

test.each([
  ['vi', 'Cổng dịch vụ này đang tạm dừng đăng nhập'],
  ['en', 'Signing in to this portal is suspended'],
])(
  'a citizen at a suspended portal sees a page that says so (%s), and is not redirected',
  async (language, title) => {
    const { id } = await newPortal()
    await act('suspend', id)
    await isShut(id)
    const page = await createVisitor().open(
      `${world.issuer}/auth?${encode(wish(id, { ui_locales: language }))}`,
    )
    expect(page.status).toBe(errorTable.portal_not_in_service.status)
    expect(new URL(page.url).origin).toBe(world.issuer)
    expect(page.body).toContain(title)
    expect(page.body).toContain('portal_not_in_service')
  },
)

test.concurrent('a citizen whose portal is suspended during the trip sees that page on return from VNeID', async () => {
  const { id, portal } = await newPortal()
  const { url } = await portal.begin()
  const visitor = createVisitor()
  const callback = await visitor.open(url, {
    until: (address) => address.startsWith(`${world.issuer}/callback`),
  })
  await act('suspend', id)
  await isShut(id)
  const page = await visitor.open(callback.url, { until: (address) => address.startsWith(portalAddress) })
  expect(page.url).not.toContain(portalAddress)
  expect(page).toMatchObject({ status: 403 })
  expect(page.body).toContain('portal_not_in_service')
})

test.concurrent('a suspended portal gets invalid_client for every request', async () => {
  const { id, portal } = await newPortal()
  const { tokens } = await portal.signIn({ prompt: 'consent' })
  const { begun, answer } = await portal.ask()
  await act('suspend', id)
  await isShut(id)
  await expect(portal.refresh(tokens.refresh_token)).rejects.toMatchObject(invalidClient)
  const back = `${portalAddress}?${encode(answer)}`
  await expect(portal.redeem(back, begun)).rejects.toMatchObject(invalidClient)
  await expect(client.tokenIntrospection(portal.config, tokens.access_token)).rejects.toMatchObject(
    invalidClient,
  )
  const pushed = await post(world, '/request', wish(id), basic(id))
  expect(pushed).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 })
})

test.concurrent('tokens, codes and pushed requests from before a suspension stay invalid after it', async () => {
  const { id, portal } = await newPortal()
  const { tokens, claims } = await portal.signIn({ prompt: 'consent' })
  const { begun, answer } = await portal.ask()
  const pushed = await post(world, '/request', wish(id), basic(id))
  await suspendAndReturn(id)

  await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 })
  await expect(portal.refresh(tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  for (const token of [tokens.access_token, tokens.refresh_token!])
    expect(await client.tokenIntrospection(portal.config, token)).toEqual({ active: false })
  const back = `${portalAddress}?${encode(answer)}`
  await expect(portal.redeem(back, begun)).rejects.toMatchObject({ error: 'invalid_grant' })
  const request = { client_id: id, request_uri: String(pushed.body['request_uri']) }
  const page = await browse(`${world.issuer}/auth?${encode(request)}`)
  expect(page).toMatchObject({ status: 400, heard: undefined })

  // Tokens issued from now on are valid.
  const again = await portal.signIn({ prompt: 'consent' })
  expect(again.claims.sub).toBe(claims.sub)
  await expect(portal.userinfo(again.tokens.access_token)).resolves.toMatchObject({ sub: claims.sub })
  const renewed = await portal.refresh(again.tokens.refresh_token)
  await expect(portal.userinfo(renewed.access_token)).resolves.toBeDefined()
})

test.concurrent("a suspension ends the portal's client credentials token", async () => {
  const portal = await callers.open()
  expect((await portal.changesAnswer()).status).toBe(200)
  await act('suspend', portal.clientId)
  await isShut(portal.clientId)
  expect((await portal.changesAnswer()).status).toBe(401)
  await act('activate', portal.clientId)
  await isShut(portal.clientId, false)
  expect((await portal.changesAnswer()).status).toBe(401)
  const { body } = await callers.tokenOf(portal.clientId)
  const again = callers.at(portal.clientId, { authorization: `Bearer ${String(body['access_token'])}` })
  expect((await again.changesAnswer()).status).toBe(200)
})

test.concurrent('a suspension that ends within the same second still ends old tokens, and new sign-ins succeed', async () => {
  const { id, portal } = await newPortal()
  for (let round = 0; round < 2; round++) {
    const { tokens } = await portal.signIn({ prompt: 'consent' })
    await act('suspend', id)
    await act('activate', id)
    // The node may not have read either change yet: tokens that it issues until then are also void.
    await vi.waitFor(
      () => expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 }),
      within5s,
    )
    await isShut(id, false)
    const fresh = await portal.signIn()
    await expect(portal.userinfo(fresh.tokens.access_token)).resolves.toBeDefined()
  }
})

test
  .skipIf(!inject('databaseUrl') || !inject('redisUrl'))
  .concurrent('another node knows within five seconds', { timeout: 30_000 }, async () => {
    const { id, portal } = await newPortal()
    const other = await openNode(world.settings, { periods })
    try {
      const { tokens } = await portal.signIn()
      const userinfo = async () => {
        const headers = { authorization: `Bearer ${tokens.access_token}` }
        return (await fetch(`${other.url}/me`, { headers })).status
      }
      expect(await userinfo()).toBe(200)
      await act('suspend', id)
      await vi.waitFor(async () => expect(await userinfo()).toBe(401), within5s)
      await act('activate', id)
      await isShut(id, false)
      expect(await userinfo()).toBe(401)
    } finally {
      await other.stop()
    }
  })

test('a session continues at other portals, and gets a new grant at the portal that was suspended', async () => {
  const [shut, other] = [await newPortal(), await newPortal()]
  const visitor = createVisitor()
  const first = await shut.portal.signIn({}, visitor)
  const elsewhere = await other.portal.signIn({}, visitor)
  await suspendAndReturn(shut.id)
  await expect(other.portal.userinfo(elsewhere.tokens.access_token)).resolves.toBeDefined()
  const trips = world.simulator.requests.authorize
  const second = await shut.portal.signIn({}, visitor)
  expect(world.simulator.requests.authorize).toBe(trips)
  await expect(shut.portal.userinfo(second.tokens.access_token)).resolves.toBeDefined()
  await expect(shut.portal.userinfo(first.tokens.access_token)).rejects.toMatchObject({ status: 401 })
  await expect(shut.portal.refresh(first.tokens.refresh_token)).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  await expect(shut.portal.userinfo(second.tokens.access_token)).resolves.toBeDefined()
})

test('a person who signed in at a suspended portal can log out, and that portal is not notified', async () => {
  const listener = await openListener()
  const told = (path: string) => ({
    backchannel_logout_uri: `${listener.url}/${path}`,
    policy: { private_networks: ['127.0.0.0/8'] },
  })
  const [shut, other] = [await newPortal(told('shut')), await newPortal(told('other'))]
  const visitor = createVisitor()
  const { tokens } = await shut.portal.signIn({}, visitor)
  const elsewhere = await other.portal.signIn({}, visitor)
  await act('suspend', shut.id)
  await isShut(shut.id)
  const question = await visitor.open(
    client.buildEndSessionUrl(shut.portal.config, {
      id_token_hint: tokens.id_token!,
      post_logout_redirect_uri: 'http://127.0.0.1:9/bye',
    }).href,
  )
  const left = await press(visitor, question, { logout: 'yes' })
  expect(left.status).toBe(200)
  expect(new URL(left.url).origin).toBe(world.issuer)
  await expect(other.portal.userinfo(elsewhere.tokens.access_token)).rejects.toMatchObject({ status: 401 })
  expect(listener.received('/other')).toHaveLength(1)
  expect(listener.received('/shut')).toHaveLength(0)
})

test('a retired portal and a draft are out of service as well', async () => {
  const { id } = await newPortal()
  await act('suspend', id)
  await act('retire', id)
  await isShut(id)
})
