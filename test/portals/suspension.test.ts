/**
 * A portal out of service: the engine does not know it, and what it held ends for good. After a suspension a portal is
 * in service again from the next whole second on, so the tests that wait for that run at the same time.
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
/** Waits until this node has read it, as a citizen sees it. */
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
  'a citizen who comes to a suspended portal reads so (%s), and is sent nowhere',
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

test.concurrent('a citizen on the way when the portal is suspended reads so on the way back from VNeID', async () => {
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

test.concurrent('a suspended portal itself receives invalid_client, whatever it asks', async () => {
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

test.concurrent('nothing that was issued before a suspension works after it: tokens, codes, pushed requests', async () => {
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

  // And what is issued from now on does.
  const again = await portal.signIn({ prompt: 'consent' })
  expect(again.claims.sub).toBe(claims.sub)
  await expect(portal.userinfo(again.tokens.access_token)).resolves.toMatchObject({ sub: claims.sub })
  const renewed = await portal.refresh(again.tokens.refresh_token)
  await expect(portal.userinfo(renewed.access_token)).resolves.toBeDefined()
})

test.concurrent("a portal's own token ends with it", async () => {
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

test.concurrent('a suspension and its end in one second leave nothing behind, and let in who comes after', async () => {
  const { id, portal } = await newPortal()
  for (let round = 0; round < 2; round++) {
    const { tokens } = await portal.signIn({ prompt: 'consent' })
    await act('suspend', id)
    await act('activate', id)
    // The node may not have read either yet: what it issues until then is void, too.
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

test('a session goes on at other portals, and makes a new grant at the one that was suspended', async () => {
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
