/** A logout while PostgreSQL or Redis is away. The tests wait until the broker notices, and until it is back. */
import { describe, expect, inject, test } from 'vitest'
import type { Page } from '../../src/sandbox/visitor.ts'
import { atHome, bye } from '../support/login/logout.ts'
import {
  answer,
  expectSignedOut,
  type Leaving,
  leavers,
  notSignedIn,
  openPortal,
  openWish,
  signedOut,
  unreached,
  vneidVisits,
  wishes,
} from '../support/login/logout-table.ts'
import { press } from '../support/portal.ts'
import { openGate } from '../support/stores/gate.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
describe.skipIf(isMissing)('with a store away (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const world = await openWorld({ database: 'server', state: 'server' })
  const gates = {
    PostgreSQL: await openGate(world.settings['DATABASE_URL']!),
    Redis: await openGate(world.settings['STATE_URL']!),
  }
  await world.restart({ DATABASE_URL: gates.PostgreSQL.url, STATE_URL: gates.Redis.url })
  await world.register(portalDefinition('portal-a'), portalDefinition('portal-b'))
  const portal = await openPortal(world)
  const isReady = async () => (await fetch(`${world.operationsUrl}/health/ready`)).status

  async function whileAway(store: keyof typeof gates, work: () => Promise<void>) {
    gates[store].close()
    try {
      await work()
    } finally {
      gates[store].open()
      await expect.poll(isReady, { timeout: 20_000 }).toBe(200)
    }
  }
  /** What a browser sees at the end. */
  function expectEnd(store: keyof typeof gates, hadSession: boolean, end: Page) {
    expect(end.body).not.toMatch(notSignedIn)
    if (atHome(end.url)) return
    expect([end.status, new URL(end.url).pathname]).toEqual([200, '/session/end/success'])
    expect(end.body).toContain(signedOut)
    expect(end.body.includes(unreached)).toBe(store === 'Redis' && hadSession)
  }

  test.each(['PostgreSQL', 'Redis'] as const)(
    'without %s every logout of the table signs out here and at VNeID, and the page says what is true',
    { timeout: 120_000 },
    async (store) => {
      const rows: { wish: string; leaving: Leaving }[] = []
      for (const wish of Object.keys(wishes))
        for (const leaving of await leavers(portal, world.issuer)) rows.push({ wish, leaving })
      await whileAway(store, async () => {
        // Together, because each waits for Redis to come back.
        const ends = await Promise.all(
          rows.map(async ({ wish, leaving }) =>
            answer(leaving.visitor, await openWish(world, leaving, wish)),
          ),
        )
        for (const [index, { wish, leaving }] of rows.entries()) {
          expectEnd(store, leaving.hasSession, ends[index]!)
          expect([wish, vneidVisits(world, leaving.visitor)]).toEqual([wish, 1])
        }
      })
      for (const { leaving } of rows) await expectSignedOut(portal, leaving.visitor)
    },
  )

  test.each(['PostgreSQL', 'Redis'] as const)(
    'without %s from the question on, the answer signs out, whichever button is pressed',
    async (store) => {
      const [everything] = await leavers(portal, world.issuer)
      const [portalOnly] = await leavers(portal, world.issuer)
      const questions = [
        await openWish(world, everything, 'a valid request'),
        await openWish(world, portalOnly, 'a valid request'),
      ] as const
      await whileAway(store, async () => {
        expectEnd(store, true, await press(everything.visitor, questions[0], { logout: 'yes' }, atHome))
        expectEnd(store, true, await press(portalOnly.visitor, questions[1], {}, atHome))
      })
      await expectSignedOut(portal, everything.visitor)
      // Without Redis the broker cannot leave one portal only, and ends the whole session of the browser.
      if (store === 'Redis') await expectSignedOut(portal, portalOnly.visitor)
    },
  )

  test('without Redis a logout that a portal posts signs out, and so does one that is on its way back from VNeID', async () => {
    const posting = (await leavers(portal, world.issuer))[0]
    const returning = (await leavers(portal, world.issuer))[0]
    const question = await openWish(world, returning, 'a valid request')
    const back = await press(returning.visitor, question, { logout: 'yes' }, (url) =>
      url.includes('/signed-out?'),
    )
    await whileAway('Redis', async () => {
      const form = { id_token_hint: posting.hint, post_logout_redirect_uri: bye }
      const end = await posting.visitor.open(`${world.issuer}/session/end`, { form, until: atHome })
      expectEnd('Redis', true, end)
      expect((await returning.visitor.open(back.url, { until: atHome })).url).toBe(`${bye}?state=s`)
    })
    for (const { visitor } of [posting, returning]) await expectSignedOut(portal, visitor)
  })

  test('a logout that cannot be audited is in the log as an error', async () => {
    const [leaving] = await leavers(portal, world.issuer)
    await whileAway('PostgreSQL', async () => {
      await answer(leaving.visitor, await openWish(world, leaving, 'nothing'))
    })
    const line = world.logLines.findLast((text) => text.includes('session.end_not_audited'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'error', subject: expect.any(String) as string })
  })
})
