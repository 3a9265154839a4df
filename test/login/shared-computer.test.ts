/** A person leaves a shared computer. The next person can continue nothing that the first one began. */
import { afterEach, describe, expect, test } from 'vitest'
import { type Page, type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { createVouching, decide, expectQuestion, heardAt, toPortal } from '../support/portals/vouching.ts'
import { press } from '../support/portal.ts'
import { expectPage } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { simulator } = world
const { open, vouch, linksOf } = createVouching(world)
await world.register(portalDefinition('plain'), portalDefinition('noticed', { policy: { notice: true } }))
const [portal, noticed] = [
  await world.portal({ clientId: 'plain' }),
  await world.portal({ clientId: 'noticed' }),
]
afterEach(() => simulator.approve('an'))

/** Stops before the callback. @returns its URL */
async function goToVneid(visitor: Visitor): Promise<string> {
  const begun = await portal.begin({ prompt: 'login' })
  const back = await visitor.open(begun.url, { until: (url) => url.startsWith(`${world.issuer}/callback`) })
  return back.url
}
const signOut = async (visitor: Visitor) => {
  const question = await visitor.open(`${world.issuer}/session/end`)
  await press(visitor, question, { logout: 'yes' })
}
/** Ways in which the first person's use of the browser ends. */
const leavings: Record<string, (visitor: Visitor) => Promise<unknown>> = {
  'a logout without a session': (visitor) => visitor.open(`${world.issuer}/session/end`),
  'a logout of a session': async (visitor) => {
    simulator.approve('an')
    await portal.signIn({}, visitor)
    await signOut(visitor)
  },
  'the sign-in of another person': async (visitor) => {
    simulator.approve('binh')
    await portal.signIn({ prompt: 'login' }, visitor)
  },
  'the refusal of another person': async (visitor) => {
    simulator.approve('chi')
    const begun = await portal.begin({ prompt: 'login', acr_values: 'urn:vneid:2' })
    const { url } = await visitor.open(begun.url, { until: toPortal })
    expect(url).toContain('unmet_authentication_requirements')
  },
}
/** What the first person has begun. @returns opens it again, as the history of the browser does */
const beginnings: Record<string, (visitor: Visitor) => Promise<() => Promise<Page>>> = {
  'a question about an account': async (visitor) => {
    const at = await open()
    await at.account('of-an')
    simulator.approve('an')
    const asked = await vouch(at, 'an', 'of-an', { visitor })
    expectQuestion(asked, 'an', 'of-an')
    return async () => {
      const decided = await decide(visitor, asked.page, 'link')
      expect(await linksOf(at)).toEqual([])
      expect(decided.body).not.toContain('of-an')
      const page = await visitor.open(asked.page.url)
      expect(page.body).not.toContain('of-an')
      return page
    }
  },
  'a trip to VNeID': async (visitor) => {
    const callback = await goToVneid(visitor)
    return () => visitor.open(callback, { until: toPortal })
  },
  'a notice': async (visitor) => {
    const begun = await noticed.begin({ prompt: 'login' })
    const notice = await visitor.open(begun.url)
    expect(notice.body).toContain('noticed')
    return () => visitor.open(notice.url)
  },
}

describe.each(Object.entries(beginnings))('%s of the first person', (_, begin) => {
  test.each(Object.entries(leavings))('ends with %s', async (name, leave) => {
    const visitor = createVisitor()
    simulator.approve('an')
    if (!name.includes('without a session')) await portal.signIn({}, visitor)
    const again = await begin(visitor)
    await leave(visitor)
    expectPage(await again(), 'interaction_gone')
  })
})

test('a person who was asked about an account and left without a session is not answered for by the next one', async () => {
  const visitor = createVisitor()
  const again = await beginnings['a question about an account']!(visitor)
  simulator.approve('binh')
  await portal.signIn({}, visitor)
  expectPage(await again(), 'interaction_gone')
})

test('signing out of one portal ends no other sign-in of the same person', async () => {
  const visitor = createVisitor()
  await portal.signIn({}, visitor)
  const callback = await goToVneid(visitor)
  const question = await visitor.open(`${world.issuer}/session/end?client_id=plain`)
  await press(visitor, question, {})
  expect(heardAt(await visitor.open(callback, { until: toPortal }))).toHaveProperty('code')
})

test('the person who arrives can finish their own sign-ins, also with a question about an account', async () => {
  const at = await open()
  await at.account('of-binh')
  const visitor = createVisitor()
  await portal.signIn({}, visitor)
  const asked = await vouch(at, 'binh', 'of-binh', { visitor })
  expectQuestion(asked, 'binh', 'of-binh')
  expect(heardAt(await decide(visitor, asked.page, 'link'))).toHaveProperty('code')
  expect(await linksOf(at)).toHaveLength(1)
})

test('what the first person began ends even if the arrival of another person meets a fault', async () => {
  for (const fault of ['session.ended', 'login.completed', 'login.refused']) {
    const visitor = createVisitor()
    await portal.signIn({}, visitor)
    const again = await beginnings['a question about an account']!(visitor)
    simulator.approve('binh')
    await world.db.script(
      `alter table audit_event add constraint full_disk check (event <> '${fault}') not valid`,
    )
    try {
      const begun = await portal.begin({ prompt: 'login', acr_values: 'urn:vneid:2' })
      const { status, url } = await visitor.open(begun.url, { until: toPortal })
      expect(status === 500 || url.includes('error=') || fault === 'login.refused').toBe(true)
    } finally {
      await world.db.script('alter table audit_event drop constraint full_disk')
    }
    expectPage(await again(), 'interaction_gone')
  }
})
