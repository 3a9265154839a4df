/** A vouched link request in the browser: who may answer it, and which events end it. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import {
  type At,
  createVouching,
  decide,
  expectQuestion,
  heardAt,
  toPortal,
} from '../support/portals/vouching.ts'
import { expectPage } from '../support/wire.ts'

// The broker's clock can be set forward; it is never set back while a world lives.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
const world = await openWorld()
const { simulator } = world
const { open, vouch, learn, wayThrough, linksOf, casesOf, refusalsOf } = createVouching(world)
afterEach(() => simulator.approve('an'))
const expectNoLink = async (at: At) => expect(await linksOf(at)).toEqual([])
/** With a second connection, all requests read the account's state before the first may write. */
async function atOnce<T>({ clientId }: At, begin: () => Promise<T>[]): Promise<T[]> {
  if (world.config.database.url.startsWith('embedded:')) return Promise.all(begin())
  const begun = await world.db.transaction(async (tx) => {
    await tx.query('select 1 from legacy_account where client_id = $1 for update', [clientId])
    const all = begin()
    await new Promise((resolve) => setTimeout(resolve, 600))
    return all
  })
  return Promise.all(begun)
}
const linked = (accountId: string) => ({ id: accountId, outcome: 'linked' })

describe('whose answer it is', () => {
  test('a session is never enough: the person goes to VNeID for a new authentication', async () => {
    const at = await open()
    await at.account('old-1')
    const { visitor } = await at.portal.signIn()
    visitor.steps.length = 0
    const asked = await vouch(at, 'an', 'old-1', { visitor })
    const trip = visitor.steps.find(({ url }) => url.startsWith(`${simulator.url}/oidc/authorize`))
    expect(new URL(trip!.url).searchParams.get('prompt')).toBe('login')
    expect(new URL(trip!.url).searchParams.get('max_age')).toBe('0')
    const { told } = await learn(at, asked, await decide(visitor, asked.page, 'link'))
    expect(told).toEqual(linked('old-1'))
  })

  test('prompt=none is login_required, with or without a session, and makes no trip to VNeID', async () => {
    const at = await open()
    await at.account('old-1')
    const { visitor } = await at.portal.signIn()
    const before = simulator.requests.authorize
    for (const browser of [visitor, createVisitor()]) {
      const { page } = await vouch(at, 'an', 'old-1', { visitor: browser, prompt: 'none' })
      expect(heardAt(page)).toMatchObject({ error: 'login_required' })
    }
    expect(simulator.requests.authorize).toBe(before)
  })

  test('the session of another person at the same browser is never used: it ends before the page is shown', async () => {
    const at = await open()
    await at.account('of-an')
    simulator.approve('binh')
    const before = await at.portal.signIn()
    const asked = await vouch(at, 'an', 'of-an', { visitor: before.visitor })
    expectQuestion(asked, 'an', 'of-an')
    await expect(at.portal.userinfo(before.tokens.access_token)).rejects.toMatchObject({ status: 401 })
    const { told, claims } = await learn(at, asked, await decide(asked.visitor, asked.page, 'link'))
    expect(told).toEqual(linked('of-an'))
    expect(claims.sub).not.toBe(before.claims.sub)
  })

  test('if another person has signed in meanwhile, the page is no longer available and creates no link', async () => {
    const at = await open()
    await at.account('of-an')
    const asked = await vouch(at, 'an', 'of-an')
    simulator.approve('binh')
    const after = await at.portal.signIn({}, asked.visitor)
    const again = await asked.visitor.open(asked.page.url)
    expectPage(again, 'interaction_gone')
    expect(again.body).not.toContain('of-an')
    expectPage(await decide(asked.visitor, asked.page, 'link'), 'interaction_gone')
    await expectNoLink(at)
    await at.portal.userinfo(after.tokens.access_token, after.claims.sub)
  })

  test('a decision in another browser is refused, and still possible in the right one', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1')
    const other = createVisitor()
    for (const visitor of [other, (await at.portal.signIn({}, other)).visitor]) {
      expectPage(await visitor.open(asked.page.url), 'interaction_gone')
      expectPage(await decide(visitor, asked.page, 'link'), 'interaction_gone')
    }
    await expectNoLink(at)
    expect(heardAt(await decide(asked.visitor, asked.page, 'link'))).toHaveProperty('code')
    expect(await linksOf(at)).toHaveLength(1)
  })

  test('of two clicks only the first counts', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1')
    const clicks = await Promise.all([1, 2].map(() => decide(asked.visitor, asked.page, 'link')))
    expect(clicks.filter(({ url }) => toPortal(url))).toHaveLength(1)
    expectPage(
      clicks.find(({ url }) => !toPortal(url))!,
      'interaction_gone',
    )
    expect(await linksOf(at)).toHaveLength(1)

    const second = await vouch(at, 'an', 'old-1')
    expect(heardAt(second.page)).toHaveProperty('code')
    const declining = await open()
    await declining.account('old-1')
    const { visitor, page } = await vouch(declining, 'an', 'old-1')
    await decide(visitor, page, 'skip')
    expectPage(await decide(visitor, page, 'link'), 'interaction_gone')
    expectPage(await visitor.open(page.url), 'interaction_gone')
    await expectNoLink(declining)
  })

  test('the decision page cannot be used without the trip to VNeID', async () => {
    const at = await open()
    await at.account('old-1')
    const visitor = createVisitor()
    const begun = await at.portal.begin({ legacy_account: 'old-1' })
    const vneid = await visitor.open(begun.url, { until: (url) => url.startsWith(simulator.url) })
    const state = new URL(vneid.url).searchParams.get('state')
    const link = `${world.issuer}/interaction/${state}/link`
    expectPage(await visitor.open(link), 'interaction_gone')
    expectPage(await visitor.open(link, { form: { choice: 'link' } }), 'interaction_gone')
    // It has changed nothing.
    const page = await visitor.open(vneid.url, { until: toPortal })
    expectQuestion({ visitor, begun, page }, 'an', 'old-1')
  })

  test('only the one button creates a link', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1')
    const { told } = await learn(at, asked, await decide(asked.visitor, asked.page))
    expect(told).toEqual({ id: 'old-1', outcome: 'declined' })
    await expectNoLink(at)
  })

  test('two tabs that request two accounts and a third that signs in each get their own answer', async () => {
    const at = await open()
    const elsewhere = await open()
    await at.account('old-1')
    await at.account('old-2')
    const one = await vouch(at, 'an', 'old-1')
    const { visitor } = one
    const two = await vouch(at, 'an', 'old-2', { visitor })
    await elsewhere.portal.signIn({}, visitor)
    expectQuestion({ ...one, page: await visitor.open(one.page.url) }, 'an', 'old-1')
    const second = await learn(at, two, await decide(visitor, two.page, 'skip'))
    expect(second.told).toEqual({ id: 'old-2', outcome: 'declined' })
    const first = await learn(at, one, await decide(visitor, one.page, 'link'))
    expect(first.told).toEqual(linked('old-1'))
    expect(first.accounts).toEqual(['old-1'])
  })
})

describe('a change between the page and the answer', () => {
  test('of two citizens vouched for the same account at once one is linked, and the other gets a case and sees that', async () => {
    const at = await open()
    await at.account('shared')
    const both = [await vouch(at, 'an', 'shared'), await vouch(at, 'binh', 'shared')]
    const answers = await atOnce(at, () => both.map(({ visitor, page }) => decide(visitor, page, 'link')))
    expect(await linksOf(at)).toHaveLength(1)
    const loser = answers.findIndex(({ url }) => !toPortal(url))
    expect(answers[loser]!.body).toContain('đã được liên kết với một người khác')
    const end = await decide(both[loser]!.visitor, answers[loser]!)
    expect((await learn(at, both[loser]!, end)).told).toEqual({
      id: 'shared',
      outcome: 'in_review',
      reason: 'held_by_another',
    })
    const winner = await learn(at, both[1 - loser]!, answers[1 - loser]!)
    expect(winner.told).toEqual(linked('shared'))
    expect((await casesOf(at)).map(({ reason }) => reason)).toEqual(['held_by_another'])
  })

  test('an account that was imported again meanwhile is evaluated again', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1')
    await at.account('old-1', { citizen_id: '079190999902' })
    const page = await decide(asked.visitor, asked.page, 'link')
    const { told } = await learn(at, asked, await decide(asked.visitor, page))
    expect(told).toEqual({ id: 'old-1', outcome: 'in_review', reason: 'number_differs' })
    await expectNoLink(at)
  })

  test('a lock that begins while the page is open applies', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1')
    const mapping = { lock: { citizen: { locked: '2024-07-01' } } }
    await world.register(portalDefinition(at.clientId, { policy: { mapping } }))
    const page = await decide(asked.visitor, asked.page, 'link')
    expect(page.body).toContain('Thời hạn liên kết')
    const { told } = await learn(at, asked, await decide(asked.visitor, page))
    expect(told).toEqual({ id: 'old-1', outcome: 'refused', reason: 'locked' })
    expect(await refusalsOf(at)).toMatchObject([{ reason: 'locked', since: '2024-07-01' }])
    await expectNoLink(at)
  })

  test('a person who is disabled meanwhile is refused, and no link is created', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'vinh', 'old-1')
    const who = `where id in (select subject_id from audit_event where client_id = '${at.clientId}')`
    await world.db.query(`update subject set disabled_at = now() ${who}`)
    const answer = await decide(asked.visitor, asked.page, 'link')
    expect(heardAt(answer)).toMatchObject({
      error: 'access_denied',
      error_description: expect.stringContaining('subject_disabled') as string,
    })
    await expectNoLink(at)
  })

  test('a number that is replaced meanwhile is refused: no link is created, and the portal gets the reason', async () => {
    const at = await open()
    await at.account('old-1')
    const asked = await vouch(at, 'yen', 'old-1')
    const who = `where subject_id in (select subject_id from audit_event where client_id = '${at.clientId}')`
    await world.db.query(`update identifier set valid_to = now() ${who}`)
    expect(heardAt(await decide(asked.visitor, asked.page, 'link'))).toMatchObject({
      error: 'access_denied',
      error_description: expect.stringContaining('identifier_cancelled') as string,
    })
    await expectNoLink(at)
  })

  test('a citizen who answers after the time for signing in has passed is still signed in', async () => {
    await world.restart({ INTERACTION_TTL: '600' })
    const at = await open()
    await at.account('old-1')
    const visitor = createVisitor()
    const begun = await at.portal.begin({ legacy_account: 'old-1' })
    const vneid = await visitor.open(begun.url, { until: (url) => url.startsWith(simulator.url) })
    vi.setSystemTime(Date.now() + 550_000)
    const page = await visitor.open(vneid.url, { until: toPortal })
    vi.setSystemTime(Date.now() + 200_000)
    const { told } = await learn(at, { visitor, begun, page }, await decide(visitor, page, 'link'))
    expect(told).toEqual(linked('old-1'))
  })
})

test('a link by vouching is like any other link at later sign-ins', async () => {
  const at = await open()
  await at.account('old-1')
  const { claims } = await wayThrough(at, 'an', 'old-1', 'link')
  const later = await at.portal.signIn()
  expect(later.claims.sub).toBe(claims.sub)
  const person = await at.portal.userinfo(later.tokens.access_token, later.claims.sub)
  expect(person['legacy_accounts']).toMatchObject([{ id: 'old-1', method: 'portal_word' }])
})
