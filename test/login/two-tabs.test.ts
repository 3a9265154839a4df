/** Simultaneous sign-ins in several tabs of one browser. */
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { createVisitor, type Visitor } from '../../src/sandbox/visitor.ts'
import { type Portal, press, type SignedIn } from '../support/portal.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const names = ['portal-a', 'portal-b', 'portal-c', 'portal-d'] as const
await world.register(...names.map((name) => portalDefinition(name)))
const [a, b, c, d] = (await Promise.all(names.map((clientId) => world.portal({ clientId })))) as [
  Portal,
  Portal,
  Portal,
  Portal,
]

const status = (work: Promise<unknown>) =>
  work.then(
    () => 'works',
    () => 'dead',
  )
const isAlive = (portal: Portal, { tokens, claims }: SignedIn) =>
  status(portal.userinfo(tokens.access_token, claims.sub))
const isRefreshed = (portal: Portal, { tokens }: SignedIn) => status(portal.refresh(tokens.refresh_token))
const trips = (visitor: Visitor) =>
  visitor.steps.filter(({ url }) => url.startsWith(world.simulator.issuer)).length

async function logOut(portal: Portal, { visitor, tokens }: SignedIn): Promise<void> {
  const url = client.buildEndSessionUrl(portal.config, { id_token_hint: tokens.id_token! })
  await press(visitor, await visitor.open(url.href), { logout: 'yes' })
}

test('tabs that open different portals at once in one session all sign in, and one logout ends all of them', async () => {
  for (let round = 0; round < 5; round++) {
    const first = await a.signIn()
    const before = trips(first.visitor)
    const tabs = await Promise.all([b, c, d].map((portal) => portal.signIn({}, first.visitor)))
    expect(trips(first.visitor)).toBe(before)
    const all = [first, ...tabs].map((signedIn, index) => ({ portal: [a, b, c, d][index]!, signedIn }))
    for (const { portal, signedIn } of all) expect(await isAlive(portal, signedIn)).toBe('works')

    // The session contains all portals.
    await logOut(a, first)
    for (const { portal, signedIn } of all) {
      expect(await isAlive(portal, signedIn)).toBe('dead')
      expect(await isRefreshed(portal, signedIn)).toBe('dead')
    }
  }
})

test('tabs that open the same portal at once both sign in, in one session of that portal', async () => {
  for (let round = 0; round < 5; round++) {
    const { visitor } = await a.signIn()
    const [one, two] = await Promise.all([b.signIn({}, visitor), b.signIn({}, visitor)])
    for (const tab of [one, two]) {
      expect(await isAlive(b, tab)).toBe('works')
      expect(await isRefreshed(b, tab)).toBe('works')
    }
    expect(one.claims.sub).toBe(two.claims.sub)
    await logOut(b, two)
    expect([await isAlive(b, one), await isAlive(b, two)]).toEqual(['dead', 'dead'])
  }
})

test('a tab that requests less does not reduce the grant of the other tab', async () => {
  for (let round = 0; round < 5; round++) {
    const { visitor } = await a.signIn()
    const [more, less] = await Promise.all([
      b.signIn({ scope: 'openid profile citizen_id' }, visitor),
      b.signIn({ scope: 'openid' }, visitor),
    ])
    expect(await b.userinfo(more.tokens.access_token, more.claims.sub)).toHaveProperty('citizen_id')
    expect(await b.userinfo(less.tokens.access_token, less.claims.sub)).not.toHaveProperty('citizen_id')
  }
})

test('two sign-ins that one browser began before it had a session both complete, in any order', async () => {
  const visitor = createVisitor()
  const began = await Promise.all([a.begin(), b.begin(), a.begin()])
  // Each tab is now at VNeID.
  const waiting = (url: string) => url.startsWith(world.simulator.issuer)
  const tabs = []
  for (const begun of began) tabs.push({ begun, at: await visitor.open(begun.url, { until: waiting }) })
  for (const [index, { begun, at }] of tabs.toReversed().entries()) {
    const answer = await visitor.open(at.url, { until: (url) => url.startsWith(portalAddress) })
    const portal = index === 1 ? b : a
    const tokens = await portal.redeem(answer.url, begun)
    expect(await status(portal.userinfo(tokens.access_token))).toBe('works')
  }
})

test('two sign-ins of a browser without a session that return at the same moment both complete', async () => {
  const visitor = createVisitor()
  for (let round = 0; round < 5; round++) {
    // A browser with our cookie whose session has ended.
    await logOut(a, await a.signIn({}, visitor))
    const [one, two] = await Promise.all([a.signIn({}, visitor), b.signIn({}, visitor)])
    expect([await isAlive(a, one), await isAlive(b, two)]).toEqual(['works', 'works'])
  }
})

test('a session that ends while another tab requests a code stays ended, and that code gives no tokens', async () => {
  for (let round = 0; round < 15; round++) {
    const first = await a.signIn()
    const { visitor } = first
    const question = await visitor.open(
      client.buildEndSessionUrl(a.config, { id_token_hint: first.tokens.id_token! }).href,
    )
    const [asked] = await Promise.all([
      b.ask({ prompt: 'none' }, visitor),
      press(visitor, question, { logout: 'yes' }),
    ])
    expect(await a.ask({ prompt: 'none' }, visitor)).toMatchObject({ answer: { error: 'login_required' } })
    expect(await isAlive(a, first)).toBe('dead')
    // Either a code or a refusal was returned; no tokens can be obtained in both cases.
    expect(await status(b.redeem(asked.page.url, asked.begun))).toBe('dead')
  }
})

test('a grant that a replayed code has ended stays ended when the portal is opened again', async () => {
  const { begun, page, visitor } = await a.ask()
  const tokens = await a.redeem(page.url, begun)
  const first = { visitor, begun, tokens, claims: tokens.claims()! }
  expect(await isAlive(a, first)).toBe('works')
  expect(await status(a.redeem(page.url, begun))).toBe('dead')
  expect(await isAlive(a, first)).toBe('dead')

  const second = await a.signIn({}, visitor)
  expect([await isAlive(a, second), await isRefreshed(a, second)]).toEqual(['works', 'works'])
  expect([await isAlive(a, first), await isRefreshed(a, first)]).toEqual(['dead', 'dead'])
})

test('a grant that a replayed code ends during another sign-in stays ended', async () => {
  for (let round = 0; round < 15; round++) {
    const { begun, page, visitor } = await a.ask()
    const tokens = await a.redeem(page.url, begun)
    const first = { visitor, begun, tokens, claims: tokens.claims()! }
    expect(await isAlive(a, first)).toBe('works')
    const [replay] = await Promise.all([
      status(a.redeem(page.url, begun)),
      a.signIn({}, visitor).catch(() => undefined),
    ])
    expect(replay).toBe('dead')
    expect([await isAlive(a, first), await isRefreshed(a, first)]).toEqual(['dead', 'dead'])
    // The person can still sign in.
    expect(await isAlive(a, await a.signIn({}, visitor))).toBe('works')
  }
})
