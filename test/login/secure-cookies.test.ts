/** Cookies behind a proxy that terminates TLS, where the browser sees an https issuer. */
import { expect, test } from 'vitest'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const issuer = 'https://broker.example'
const world = await openWorld({ environment: { ISSUER: issuer } })
const listener = `http://127.0.0.1:${world.config.listen.port}`

test('with an https issuer every cookie is Secure and bound to the host, and answers have HSTS', async () => {
  await world.register(
    portalDefinition('portal-a', { policy: { pkce_exemption: 'this test is about cookies' } }),
  )
  const jar = new Map<string, string>()
  const set: string[] = []
  const transport: (string | null)[] = []
  const wish = {
    client_id: 'portal-a',
    redirect_uri: portalAddress,
    response_type: 'code',
    scope: 'openid',
    state: 's',
  }
  let url = `${issuer}/auth?${new URLSearchParams(wish).toString()}`
  while (!url.startsWith(portalAddress)) {
    const ours = url.startsWith(issuer)
    const response = await fetch(url.replace(issuer, listener), {
      redirect: 'manual',
      headers: ours
        ? { cookie: [...jar].map((pair) => pair.join('=')).join('; '), 'x-forwarded-proto': 'https' }
        : {},
    })
    expect(response.status).toBe(303)
    if (ours) transport.push(response.headers.get('strict-transport-security'))
    for (const cookie of response.headers.getSetCookie()) {
      set.push(cookie)
      jar.set(...(/^([^=]+)=([^;]*)/.exec(cookie)!.slice(1) as [string, string]))
    }
    url = response.headers.get('location')!
  }
  expect(new URL(url).searchParams.get('code')).toBeTruthy()
  expect(transport).toEqual(transport.map(() => expect.stringMatching(/^max-age=\d{8}/)))
  const chosen = await fetch(`${listener}/nowhere?ui_locales=en`, { headers: { accept: 'text/html' } })
  set.push(...chosen.headers.getSetCookie())
  expect(set.at(-1)).toMatch(/^__Host-locale=en/)
  expect([...jar.keys()].toSorted()).toEqual(['__Host-browser', '__Host-session', '__Host-session.sig'])
  for (const cookie of set) {
    expect(cookie.toLowerCase()).toMatch(
      /^__host-(?=.*; path=\/(;|$))(?=.*; secure)(?=.*; httponly)(?=.*; samesite=lax)/,
    )
    expect(cookie.toLowerCase()).not.toContain('domain=')
  }
})
