/** Where a sign-in cannot go on, the page says why and offers the next step. */
import { afterEach, describe, expect, test } from 'vitest'
import { type Page, type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVouching, heardAt, toPortal } from '../support/portals/vouching.ts'
import type { Begun } from '../support/portal.ts'
import { expectPage } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { issuer, simulator } = world
const home = 'http://127.0.0.1:9/'
await world.register(
  portalDefinition('portal-a'),
  portalDefinition('noticed', { policy: { notice: true } }),
  portalDefinition('renewing', { policy: { session_reuse: false } }),
)
const portal = await world.portal({ clientId: 'portal-a' })
const noticed = await world.portal({ clientId: 'noticed' })
const atCallback = (url: string) => url.startsWith(`${issuer}/callback`)
afterEach(() => simulator.approve('an'))

async function returned(visitor: Visitor = createVisitor()) {
  const begun = await portal.begin({ prompt: 'login' })
  const { url } = await visitor.open(begun.url, { until: atCallback })
  return { visitor, begun, url }
}
const buttonOf = ({ body }: Page, words: string): string | undefined => {
  const [, address] = new RegExp(`<a class="button[^"]*" href="([^"]+)">${words}</a>`).exec(body) ?? []
  return address?.replaceAll('&amp;', '&')
}
const aboutCookies = /cookie/
const goOn = 'Tiếp tục đăng nhập'

describe('a callback in a browser that did not begin the sign-in', () => {
  const strangers: Record<string, () => Promise<Visitor>> = {
    'without cookies': async () => createVisitor(),
    'with a sign-in of its own': async () => (await returned()).visitor,
    'with a session': async () => (await portal.signIn()).visitor,
  }
  test.each(Object.entries(strangers))(
    '%s speaks of cookies and links to the portal, and nothing more',
    async (_, open) => {
      const { url, visitor, begun } = await returned()
      const page = await (await open()).open(url)
      expectPage(page, 'interaction_gone')
      expect(page.body).toMatch(aboutCookies)
      expect(buttonOf(page, 'Quay lại Cổng portal-a')).toBe(home)
      expect(buttonOf(page, goOn)).toBeUndefined()
      // The link is the portal's home; nothing of the request or of the person is on the page.
      for (const secret of [begun.state, begun.nonce, citizenNamed('an').name, citizenNamed('an').number])
        expect(page.body).not.toContain(secret)
      // The sign-in goes on in the right browser.
      expect(heardAt(await visitor.open(url, { until: toPortal }))).toHaveProperty('code')
    },
  )

  test('the same holds for a notice', async () => {
    const begun = await noticed.begin()
    const notice = await createVisitor().open(begun.url)
    for (const step of ['', '/start', '/cancel']) {
      const page = await createVisitor().open(notice.url + step)
      expectPage(page, 'interaction_gone')
      expect(page.body).toMatch(aboutCookies)
      expect(buttonOf(page, 'Quay lại Cổng noticed')).toBe(home)
    }
  })

  test('an invented state leads to no portal', async () => {
    const page = await createVisitor().open(
      `${issuer}/callback?code=x&state=${'a'.repeat(43)}.${'b'.repeat(43)}`,
    )
    expectPage(page, 'interaction_gone')
    expect(page.body).toMatch(aboutCookies)
    expect(page.body).not.toContain('Quay lại')
  })

  test('a sign-in that was completed is not explained by cookies', async () => {
    const { visitor, url } = await returned()
    await visitor.open(url, { until: toPortal })
    const page = await visitor.open(url)
    expectPage(page, 'interaction_gone')
    expect(page.body).not.toMatch(aboutCookies)
    expect(buttonOf(page, goOn)).toBeUndefined()
  })
})

describe('a sign-in whose node died in the callback', () => {
  /** The callback ends without an answer, as if its node had died: nothing of it is stored. @returns the page of the next try */
  async function interrupted(visitor: Visitor, url: string): Promise<Page> {
    await world.db.script(
      `alter table audit_event add constraint dying check (event not in ('login.completed', 'login.refused')) not valid`,
    )
    try {
      expect((await visitor.open(url, { until: toPortal })).status).toBe(500)
    } finally {
      await world.db.script('alter table audit_event drop constraint dying')
    }
    return visitor.open(url, { until: toPortal })
  }
  async function expectSignedIn(begun: Begun, page: Page) {
    const tokens = await portal.redeem(page.url, begun)
    expect(tokens.claims()).toMatchObject({ acr: 'urn:vneid:2' })
  }

  test('goes on with the same request by one button', async () => {
    const { visitor, begun, url } = await returned()
    const page = await interrupted(visitor, url)
    expectPage(page, 'interaction_gone')
    expect(page.body).toContain('Lần đăng nhập chưa hoàn tất')
    const again = await visitor.open(new URL(buttonOf(page, goOn)!, issuer).href, { until: toPortal })
    await expectSignedIn(begun, again)
  })

  test('goes on after a double click, and after it died twice, and completes once', async () => {
    const { visitor, begun, url } = await returned()
    const address = new URL(buttonOf(await interrupted(visitor, url), goOn)!, issuer).href
    const [one, two] = [
      await visitor.open(address, { until: atCallback }),
      await visitor.open(address, { until: atCallback }),
    ]
    expect(new URL(one.url).searchParams.get('state')).toBe(new URL(two.url).searchParams.get('state'))
    const later = new URL(buttonOf(await interrupted(visitor, two.url), goOn)!, issuer).href
    await expectSignedIn(begun, await visitor.open(later, { until: toPortal }))
    for (const old of [url, one.url, address, later]) {
      const gone = await visitor.open(old, { until: toPortal })
      expectPage(gone, 'interaction_gone')
      expect(buttonOf(gone, goOn)).toBeUndefined()
    }
  })

  test('does not go on in another browser, nor after a logout or the arrival of another person', async () => {
    const { visitor, url } = await returned()
    const address = new URL(buttonOf(await interrupted(visitor, url), goOn)!, issuer).href
    expectPage(await createVisitor().open(address), 'interaction_gone')
    await visitor.open(`${issuer}/session/end`)
    expectPage(await visitor.open(address), 'interaction_gone')

    const shared = createVisitor()
    await portal.signIn({}, shared)
    const begun = await returned(shared)
    const other = new URL(buttonOf(await interrupted(shared, begun.url), goOn)!, issuer).href
    simulator.approve('binh')
    await portal.signIn({ prompt: 'login' }, shared)
    expectPage(await shared.open(other), 'interaction_gone')
  })

  test('does not go on if the request names an account: the portal must vouch again', async () => {
    const { open } = createVouching(world)
    const at = await open()
    await at.account('old-1')
    const visitor = createVisitor()
    const begun = await at.portal.begin({ legacy_account: 'old-1' })
    const { url } = await visitor.open(begun.url, { until: atCallback })
    const page = await interrupted(visitor, url)
    expectPage(page, 'interaction_gone')
    expect(buttonOf(page, goOn)).toBeUndefined()
    const state = new URL(url).searchParams.get('state')
    expectPage(await visitor.open(`${issuer}/interaction/${state}/continue`), 'interaction_gone')
  })

  test('a sign-in that has not returned cannot be doubled by the button’s address', async () => {
    const { visitor, begun, url } = await returned()
    const state = new URL(url).searchParams.get('state')
    const again = await visitor.open(`${issuer}/interaction/${state}/continue`, { until: toPortal })
    await expectSignedIn(begun, again)
    expectPage(await visitor.open(url, { until: toPortal }), 'interaction_gone')
  })

  test('a person who is asked about an account has no second sign-in for the same request', async () => {
    const { open, vouch } = createVouching(world)
    const at = await open()
    await at.account('old-2')
    const asked = await vouch(at, 'an', 'old-2')
    const callback = asked.visitor.steps.findLast(({ url }) => atCallback(url))!
    const page = await asked.visitor.open(callback.url, { until: toPortal })
    expectPage(page, 'interaction_gone')
    expect(buttonOf(page, goOn)).toBeUndefined()
  })
})
