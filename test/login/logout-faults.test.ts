/** A logout that meets a fault still logs out: wrong requests, forms that are out of date, no session. */
import { describe, expect, test } from 'vitest'
import { bye } from '../support/login/logout.ts'
import {
  answer,
  expectSignedOut,
  leavers,
  notSignedIn,
  openPortal,
  openWish,
  returns,
  right,
  signedOut,
  unreached,
  vneidVisits,
  wishes,
  wrongRequest,
} from '../support/login/logout-table.ts'
import { encode } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

describe('with all stores', async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'), portalDefinition('portal-b'))
  const portal = await openPortal(world)

  test.each(Object.keys(wishes))('a logout that names %s signs out here and at VNeID', async (wish) => {
    for (const leaving of await leavers(portal, world.issuer)) {
      const { visitor } = leaving
      const page = await openWish(world, leaving, wish)
      expect(page.body).not.toMatch(notSignedIn)
      const asks = ['Ông/Bà muốn đăng xuất?', wrongRequest].map((words) => page.body.includes(words))
      expect(asks).toEqual([leaving.hasSession, leaving.hasSession && !right.has(wish)])
      const end = await answer(visitor, page)
      expect(vneidVisits(world, visitor)).toBe(1)
      const isHome = returns.has(wish)
      expect(end.url).toBe(isHome ? `${bye}?state=s` : `${world.issuer}/session/end/success`)
      const says = [signedOut, unreached].map((words) => end.body.includes(words))
      expect(says).toEqual([!isHome, false])
      await expectSignedOut(portal, visitor)
    }
  })

  test('a wrong request is logged with its fault, and counted, for the portal that asks why', async () => {
    const [{ hint }] = await leavers(portal, world.issuer)
    const before = world.logLines.length
    for (const wish of Object.keys(wishes)) {
      const query = wishes[wish]!(hint, '')
      await fetch(`${world.issuer}/session/end?${query}`, { redirect: 'manual' })
    }
    const lines = world.logLines.slice(before).filter((line) => line.includes('end_session.refused'))
    const told = lines.map((line) => (JSON.parse(line) as { why: string }).why)
    expect(new Set(told)).toEqual(
      new Set([
        'could not decode id_token_hint',
        'could not validate id_token_hint',
        'client_id does not match the provided id_token_hint',
        'client not found',
        'post_logout_redirect_uri not registered',
        "'post_logout_redirect_uri' parameter must not be provided twice",
        "'client_id' parameter must not be provided twice",
        "'ui_locales' parameter must not be provided twice",
      ]),
    )
    const metrics = await (await fetch(`${world.operationsUrl}/metrics`)).text()
    expect(metrics).toMatch(/^protocol_refusals_total\{request="end_session",error="invalid_request"\} /m)
  })

  test('a question that has been answered before, or whose session has ended, ends on the page that says signed out', async () => {
    const { visitor } = await portal.signIn()
    const question = await visitor.open(`${world.issuer}/session/end`)
    await answer(visitor, question)
    const again = await answer(visitor, question)
    expect([again.status, again.body.includes(signedOut)]).toEqual([200, true])
  })

  test('a question that a newer one has replaced says that the person is still signed in, and offers the logout', async () => {
    const { visitor } = await portal.signIn()
    const older = await visitor.open(`${world.issuer}/session/end`)
    await visitor.open(`${world.issuer}/session/end`)
    const page = await answer(visitor, older)
    expect(page.status).toBe(400)
    expect(page.body).toContain('Ông/Bà chưa đăng xuất')
    expect(page.body).not.toMatch(notSignedIn)
    const [, link] = /class="button" href="([^"]+)"/.exec(page.body) ?? []
    const end = await answer(visitor, await visitor.open(new URL(link!, world.issuer).href))
    expect(end.body).toContain(signedOut)
    await expectSignedOut(portal, visitor)
  })

  test('the page after a logout never says signed out to a person who is signed in', async () => {
    const { visitor } = await portal.signIn()
    for (const path of ['/session/end/success', '/signed-out', '/signed-out?state=x']) {
      const page = await visitor.open(world.issuer + path)
      expect(page.body).not.toContain(signedOut)
      expect(page.body).toContain('vẫn còn đăng nhập')
    }
  })
})

describe.each([
  { road: 'the direct road', environment: {}, visits: 1 },
  {
    road: 'a direct road without a logout',
    environment: { UPSTREAM_END_SESSION_ENDPOINT: '' },
    visits: 0,
  },
])('on $road', ({ environment, visits }) => {
  test('VNeID is visited only if it has a logout, with or without a session', async () => {
    const world = await openWorld({ dialect: 'vneid', environment })
    await world.register(portalDefinition('portal-a'))
    const portal = await world.portal({ clientId: 'portal-a' })
    for (const leaving of await leavers(portal, world.issuer)) {
      const end = await answer(leaving.visitor, await openWish(world, leaving, 'the hint "undefined"'))
      expect(end.body).toContain(signedOut)
      expect(vneidVisits(world, leaving.visitor)).toBe(visits)
      await expectSignedOut(portal, leaving.visitor)
    }
  })
})

test('a logout whose return address is too long for a cookie ends on our page', async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const { visitor } = await (await world.portal({ clientId: 'portal-a' })).signIn()
  const state = 's'.repeat(9_000)
  const query = encode({ client_id: 'portal-a', post_logout_redirect_uri: bye, state })
  const end = await answer(visitor, await visitor.open(`${world.issuer}/session/end?${query}`))
  expect(end.body).toContain(signedOut)
  expect(vneidVisits(world, visitor)).toBe(1)
})
