/** Only a visit has effects. HEAD and prefetches of the same addresses answer without any. */
import { describe, expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { heardAt, toPortal } from '../support/portals/vouching.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('plain'), portalDefinition('noticed', { policy: { notice: true } }))
const [portal, noticed] = [
  await world.portal({ clientId: 'plain' }),
  await world.portal({ clientId: 'noticed' }),
]

const previews: Record<string, { method?: string; headers?: Record<string, string> }> = {
  'a HEAD': { method: 'HEAD' },
  'a prefetch': { headers: { 'sec-purpose': 'prefetch' } },
  'a prerender': { headers: { 'sec-purpose': 'prefetch;prerender' } },
  'an older prefetch': { headers: { purpose: 'prefetch' } },
  'a preview of Safari': { headers: { 'x-purpose': 'preview' } },
  'a prefetch of Firefox': { headers: { 'x-moz': 'prefetch' } },
}
const atCallback = (url: string) => url.startsWith(`${world.issuer}/callback`)

describe.each(Object.entries(previews))('%s', (_, preview) => {
  /** As the visitor's browser sends it. */
  async function look(visitor: ReturnType<typeof createVisitor>, url: string) {
    const cookie = [...visitor.cookies(world.issuer)].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, {
      ...preview,
      redirect: 'manual',
      headers: { ...preview.headers, cookie, accept: 'text/html' },
    })
    expect(answer.status).toBe(preview.method === 'HEAD' ? 405 : 403)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('location')).toBeNull()
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
  const audited = () => world.db.query('select count(*)::int as n from audit_event')

  test('of the callback does not use up the trip', async () => {
    const visitor = createVisitor()
    const begun = await portal.begin()
    const { url } = await visitor.open(begun.url, { until: atCallback })
    await look(visitor, url)
    expect(heardAt(await visitor.open(url, { until: toPortal }))).toHaveProperty('code')
  })

  test('of the notice’s links does not end the sign-in', async () => {
    const visitor = createVisitor()
    const begun = await noticed.begin()
    const notice = await visitor.open(begun.url)
    for (const step of ['', '/start', '/cancel']) await look(visitor, notice.url + step)
    expect(heardAt(await visitor.open(`${notice.url}/start`, { until: toPortal }))).toHaveProperty('code')
  })

  test('of a posted request does not use it up', async () => {
    const visitor = createVisitor()
    const begun = await portal.begin()
    const form = Object.fromEntries(new URL(begun.url).searchParams)
    const { url } = await visitor.open(`${world.issuer}/auth`, {
      form,
      until: (to) => to.includes('?posted='),
    })
    await look(visitor, url)
    expect(heardAt(await visitor.open(url, { until: toPortal }))).toHaveProperty('code')
  })

  test('of a request within a session signs nobody in, and is not audited', async () => {
    const { visitor } = await portal.signIn()
    const before = await audited()
    await look(visitor, (await noticed.begin()).url)
    expect(await audited()).toEqual(before)
  })

  test('of the logout keeps the session', async () => {
    const { visitor } = await portal.signIn()
    await look(visitor, `${world.issuer}/session/end`)
    const page = await visitor.open((await portal.begin({ prompt: 'none' })).url, { until: toPortal })
    expect(heardAt(page)).toHaveProperty('code')
  })
})

test('HEAD still works at addresses without effects', async () => {
  for (const path of ['/jwks', '/.well-known/openid-configuration'])
    expect((await fetch(world.issuer + path, { method: 'HEAD' })).status).toBe(200)
})
