/** Refused redirects of a logout, and refused attempts to end a session. */
import { describe, expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { ask, encode, expectPage, tokensFor, wish } from '../support/wire.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'))

describe('a logout never redirects to an unregistered URI', () => {
  const logout = async (query: Record<string, string>) => {
    const { visitor } = await ask(world, wish('portal-a'))
    const page = await visitor.open(`${world.issuer}/session/end?${encode(query)}`)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.body)?.[1]
    return { visitor, page, xsrf }
  }

  test.each([
    'https://evil.example/',
    'http://127.0.0.1:9/bye/',
    'http://127.0.0.1:9/bye?x=1',
    'http://127.0.0.1:9/BYE',
    'javascript:alert(1)',
    '//evil.example',
  ])('a logout is not redirected to %s', async (address) => {
    const { id_token: hint } = await tokensFor(world, 'portal-a')
    for (const named of [{ client_id: 'portal-a' }, { id_token_hint: hint }]) {
      const { visitor, xsrf } = await logout({ post_logout_redirect_uri: address, ...named })
      const end = await visitor.open(`${world.issuer}/session/end/confirm`, {
        form: { logout: 'yes', xsrf: xsrf! },
      })
      expect(end.url).toBe(`${world.issuer}/session/end/success`)
    }
  })

  test('a logout that names no portal redirects nowhere', async () => {
    const { visitor, xsrf } = await logout({ post_logout_redirect_uri: 'http://127.0.0.1:9/bye' })
    const end = await visitor.open(`${world.issuer}/session/end/confirm`, {
      form: { logout: 'yes', xsrf: xsrf! },
    })
    expect(end.url).toBe(`${world.issuer}/session/end/success`)
    const forged = await logout({
      post_logout_redirect_uri: 'http://127.0.0.1:9/bye',
      id_token_hint: 'eyJhbGciOiJub25lIn0.e30.',
    })
    const forgedEnd = await forged.visitor.open(`${world.issuer}/session/end/confirm`, {
      form: { logout: 'yes', xsrf: forged.xsrf! },
    })
    expect(forgedEnd.url).toBe(`${world.issuer}/session/end/success`)
  })

  test('another site cannot complete a logout: without our form secret nothing happens', async () => {
    const { visitor } = await logout({})
    for (const form of [{ logout: 'yes' }, { logout: 'yes', xsrf: 'x'.repeat(21) }] as Record<
      string,
      string
    >[]) {
      expect((await visitor.open(`${world.issuer}/session/end/confirm`, { form })).status).toBe(400)
    }
    expect((await ask(world, wish('portal-a', { prompt: 'none' }), visitor)).heard).toHaveProperty('code')
  })

  test('the return from VNeID’s logout redirects once to the portal of the logout, and never to a URL in its query', async () => {
    for (const query of [
      'state=x',
      'state=x&post_logout_redirect_uri=https://evil.example',
      'to=https://evil.example',
      'state=https://evil.example',
      '',
    ]) {
      const page = await createVisitor().open(`${world.issuer}/signed-out?${query}`)
      expect(page.url).toBe(`${world.issuer}/session/end/success`)
    }
    const { visitor, xsrf } = await logout({
      client_id: 'portal-a',
      post_logout_redirect_uri: 'http://127.0.0.1:9/bye',
    })
    const away = await visitor.open(`${world.issuer}/session/end/confirm`, {
      form: { logout: 'yes', xsrf: xsrf! },
      until: (url) => url.includes('/signed-out?'),
    })
    const isPortal = (url: string) => url.startsWith('http://127.0.0.1:9/')
    expect((await visitor.open(away.url, { until: isPortal })).url).toMatch(/^http:\/\/127\.0\.0\.1:9\/bye/)
    expect((await visitor.open(away.url, { until: isPortal })).url).toBe(
      `${world.issuer}/session/end/success`,
    )
  })

  test('a page never links to an unregistered portal that the browser’s cookie names', async () => {
    const cookie = `browser=${'a'.repeat(22)}~evil.example`
    const page = await createVisitor().open(`${world.issuer}/callback`, { headers: { cookie } })
    expectPage(page, 'interaction_gone')
    expect(page.body).not.toContain('evil')
  })
})
