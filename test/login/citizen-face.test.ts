/** Pages, languages, cookies and error pages of the running broker, as a citizen's browser gets them. */
import { afterAll, expect, test } from 'vitest'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { issuer, simulator } = world

/** Every answer that the browsers of this file got. */
const answers: { url: string; status: number; headers: Headers; cookies: string[]; body: string }[] = []
const send = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const response = await send(input, init)
  const url = input instanceof Request ? input.url : String(input)
  const body = await response.clone().text()
  answers.push({
    url,
    status: response.status,
    headers: response.headers,
    cookies: response.headers.getSetCookie(),
    body,
  })
  return response
}
afterAll(() => void (globalThis.fetch = send))

await world.register(
  portalDefinition('quiet', { client_uri: 'http://127.0.0.1:9/quiet' }),
  portalDefinition('noticed', {
    client_name: 'Cổng <Bộ Xây dựng> & "bạn"',
    client_uri: 'http://127.0.0.1:9/noticed',
    policy: { notice: true },
  }),
)
const quiet = await world.portal({ clientId: 'quiet' })
const noticed = await world.portal({ clientId: 'noticed', scope: 'openid profile citizen_id' })
const atPortal = { until: (url: string) => url.startsWith(`${portalAddress}?`) }
const hrefs = (body: string) =>
  [...body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'))
const heading = (body: string) => /<h1>([^<]*)<\/h1>/.exec(body)?.[1]
const language = (body: string) => /<html lang="(\w+)"/.exec(body)?.[1]
/** The browser's last request to VNeID. */
const trip = ({ steps }: Visitor) =>
  Object.fromEntries(
    new URL(steps.findLast(({ url }) => url.startsWith(`${simulator.url}/oidc/authorize`))!.url).searchParams,
  )
/** Follows the link of a page whose URL ends with the given text. */
const press = (visitor: Visitor, page: { url: string; body: string }, ending: string | RegExp) =>
  visitor.open(
    new URL(
      hrefs(page.body).find((href) => new RegExp(ending).test(href))!,
      page.url,
    ).href,
    atPortal,
  )

test('the notice shows the portal’s exact name and what the portal will receive', async () => {
  const { page } = await noticed.ask()
  expect(page.status).toBe(200)
  expect(heading(page.body)).toBe('Đăng nhập bằng VNeID')
  expect(page.body).toContain('Cổng &lt;Bộ Xây dựng&gt; &amp; &quot;bạn&quot;')
  expect(page.body).toContain('Số định danh cá nhân')
  expect(page.body).not.toContain('Tài khoản trước đây')
})

test('from the notice the citizen goes to VNeID and returns to the portal', async () => {
  const { page, visitor, begun } = await noticed.ask()
  expect(visitor.steps.some(({ url }) => url.startsWith(simulator.url))).toBe(false)
  const home = await press(visitor, page, '/start')
  expect((await noticed.redeem(home.url, begun)).claims()?.sub).toBeTruthy()
  expect(trip(visitor)).toMatchObject({ ui_locales: 'vi' })
})

test('cancelling on the notice sends access_denied to the portal, and ends the sign-in', async () => {
  const { page, visitor, begun } = await noticed.ask()
  const home = await press(visitor, page, '/cancel')
  await expect(noticed.redeem(home.url, begun)).rejects.toMatchObject({ error: 'access_denied' })
  for (const path of ['', '/start', '/cancel']) {
    const dead = await visitor.open(`${page.url}${path}`)
    expect(dead.status).toBe(400)
    expect(dead.body).toContain('interaction_gone')
    expect(hrefs(dead.body)).toContain('http://127.0.0.1:9/noticed')
  }
})

test('the notice switches its language, and VNeID gets the language that was chosen', async () => {
  for (const wish of [{}, { ui_locales: 'vi' }]) {
    const { page, visitor } = await noticed.ask(wish)
    const english = await press(visitor, page, /ui_locales=en/)
    expect([language(english.body), heading(english.body)]).toEqual(['en', 'Sign in with VNeID'])
    await press(visitor, english, '/start')
    expect(trip(visitor)).toMatchObject({ ui_locales: 'en' })
    const vietnamese = await press(visitor, english, /ui_locales=vi/).catch(() => undefined)
    expect(vietnamese?.status).toBe(400)
  }
})

test('the chosen language is kept for the next visit', async () => {
  const { page, visitor } = await noticed.ask()
  await press(visitor, page, /ui_locales=en/)
  expect(language((await noticed.ask({}, visitor)).page.body)).toBe('en')
  expect(language((await visitor.open(`${issuer}/nowhere`)).body)).toBe('en')
})

test('the notice is not shown again inside a session', async () => {
  const { visitor } = await quiet.signIn()
  await noticed.signIn({}, visitor)
})

test('ui_locales of the portal’s request applies to our pages and is sent to VNeID', async () => {
  expect(language((await noticed.ask({ ui_locales: 'en-GB vi' })).page.body)).toBe('en')
  expect(language((await noticed.ask({ ui_locales: 'fr' })).page.body)).toBe('vi')
  const { visitor } = await quiet.signIn({ ui_locales: 'en' })
  expect(trip(visitor)).toMatchObject({ ui_locales: 'en' })
})

test('an error that cannot be sent to a portal is a page, in Vietnamese, or in English on request', async () => {
  const wrong = `${issuer}/auth?client_id=nobody&response_type=code`
  const vietnamese = await createVisitor().open(wrong)
  expect([vietnamese.status, language(vietnamese.body)]).toEqual([400, 'vi'])
  expect(vietnamese.body).toContain('request_invalid')
  expect(vietnamese.body).toContain(vietnamese.headers.get('x-reference'))
  expect(vietnamese.body).toContain('1900.0368')
  const visitor = createVisitor()
  const english = await visitor.open(`${wrong}&ui_locales=en`)
  expect(language(english.body)).toBe('en')
  expect(language((await press(visitor, english, 'ui_locales=vi')).body)).toBe('vi')
  expect(
    language((await createVisitor().open(wrong, { headers: { 'accept-language': 'en-US,en;q=0.9' } })).body),
  ).toBe('en')
})

test('a citizen is never redirected to an unregistered redirect URI: a page links back to the portal', async () => {
  const { visitor } = await noticed.ask()
  const { page } = await quiet.ask({ redirect_uri: 'http://127.0.0.1:9/other' }, visitor)
  expect(hrefs(page.body)).toContain('http://127.0.0.1:9/quiet')
  expect([page.status, language(page.body)]).toEqual([400, 'vi'])
  expect(page.url).toMatch(/\/auth\?/)
})

test('two tabs of one browser sign in at two portals, in any order', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    simulator.approve(undefined)
    const visitor = createVisitor()
    const tabs = [await quiet.ask({}, visitor), await noticed.ask({}, visitor)]
    simulator.approve('an')
    for (const index of order) {
      const { page, begun } = tabs[index]!
      const home = index === 0 ? await visitor.open(page.url, atPortal) : await press(visitor, page, '/start')
      const tokens = await (index === 0 ? quiet : noticed).redeem(home.url, begun)
      expect(tokens.claims()?.sub).toBeTruthy()
    }
  }
})

test('the back button after a sign-in shows a page with a link to the portal', async () => {
  const { visitor } = await quiet.signIn()
  const callback = visitor.steps.findLast(({ url }) => url.startsWith(`${issuer}/callback`))!
  const again = await visitor.open(callback.url)
  expect([again.status, heading(again.body)]).toEqual([400, 'Phiên đăng nhập đã hết hạn'])
  expect(again.body).toContain('Quay lại Cổng quiet')
  expect(hrefs(again.body)).toContain('http://127.0.0.1:9/quiet')
})

test('a callback opened in another browser is refused there, and still works in the browser that began the sign-in', async () => {
  simulator.approve(undefined)
  const { visitor, page, begun } = await quiet.ask()
  simulator.approve('an')
  const { url } = await visitor.open(page.url, {
    until: (address) => address.startsWith(`${issuer}/callback`),
  })
  const stranger = await createVisitor().open(url)
  expect(stranger.body).toContain('interaction_gone')
  const home = await visitor.open(url, atPortal)
  expect((await quiet.redeem(home.url, begun)).access_token).toBeTruthy()
})

test('a citizen who declines at VNeID returns to the portal, which gets the reason', async () => {
  simulator.approve('quyen')
  await expect(quiet.signIn()).rejects.toMatchObject({
    error: 'access_denied',
    error_description: expect.stringMatching(/^upstream_refused \([0-9A-Z]{10}\)$/),
  })
  simulator.approve('an')
})

test("logout asks once, in the portal's language, and ends on a page or at the portal", async () => {
  const { visitor, tokens } = await quiet.signIn()
  const wish = new URLSearchParams({ id_token_hint: tokens.id_token!, ui_locales: 'en' })
  const english = await visitor.open(`${issuer}/session/end?${wish.toString()}`)
  expect([english.status, language(english.body)]).toEqual([200, 'en'])
  const question = await press(visitor, english, 'ui_locales=vi')
  expect([question.status, language(question.body)]).toEqual([200, 'vi'])
  expect(question.body).toContain('Cổng quiet')
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(question.body) ?? []
  const done = await visitor.open(`${issuer}/session/end/confirm`, { form: { xsrf, logout: 'yes' } })
  expect([done.status, new URL(done.url).pathname]).toEqual([200, '/session/end/success'])
  expect(visitor.steps.some(({ url }) => url.startsWith(`${simulator.url}/oidc/logout`))).toBe(true)
  expect(language((await press(visitor, done, 'ui_locales=en')).body)).toBe('en')
  await expect(quiet.signIn({ prompt: 'none' }, visitor)).rejects.toMatchObject({ error: 'login_required' })
})

test('a logout that was posted keeps the posted fields out of every URL', async () => {
  const { visitor, tokens } = await quiet.signIn()
  const question = await visitor.open(`${issuer}/session/end`, { form: { id_token_hint: tokens.id_token! } })
  expect(heading(question.body)).toBe('Ông/Bà muốn đăng xuất?')
  expect(question.body).not.toContain(tokens.id_token!)
})

test('a form_post answer is in the citizen’s language for browsers without scripts', async () => {
  for (const [wish, words] of [
    ['vi', ['<html lang="vi">', 'Quay lại cổng dịch vụ', 'Tiếp tục']],
    ['en', ['<html lang="en">', 'Back to the portal', 'Continue']],
  ] as const) {
    const begun = await quiet.begin({ response_mode: 'form_post', ui_locales: wish })
    const page = await createVisitor().open(begun.url)
    for (const word of words) expect(page.body).toContain(word)
    expect(page.body).not.toContain('Submitting')
  }
  // Only these pages have a script; another test checks all other pages.
  for (let index = answers.length - 1; index >= 0; index--)
    if (answers[index]!.body.includes('document.forms[0].submit()')) answers.splice(index, 1)
})

test('an invalid path, and a request without a scope, are answered by pages too', async () => {
  const nowhere = await createVisitor().open(`${issuer}//`)
  expect([nowhere.status, nowhere.body.includes('not_found')]).toEqual([404, true])
  const begun = new URL((await noticed.begin()).url)
  for (const name of ['scope', 'nonce']) begun.searchParams.delete(name)
  const notice = await createVisitor().open(begun.href)
  expect([notice.status, heading(notice.body)]).toEqual([200, 'Đăng nhập bằng VNeID'])
})

test('a program that asks for JSON gets the code and the reference, and no page', async () => {
  const response = await fetch(`${issuer}/nowhere`, { headers: { accept: 'application/json' } })
  expect(await response.json()).toEqual({
    error: 'not_found',
    reference: response.headers.get('x-reference'),
  })
})

test('no page contains a script, and every page forbids scripts, framing and storing', () => {
  const pages = answers.filter(
    ({ url, status, headers }) =>
      url.startsWith(issuer) && status !== 303 && headers.get('content-type')?.includes('html'),
  )
  expect(pages.length).toBeGreaterThan(20)
  const strict =
    "default-src 'none'; style-src 'sha256-…'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
  for (const { headers, body, url } of pages) {
    const rest = body.includes('<form') ? '' : "; form-action 'none'"
    const policy = headers.get('content-security-policy')?.replace(/'sha256-[^']+'/, "'sha256-…'")
    expect({ url, policy, ...Object.fromEntries(headers) }).toMatchObject({
      url,
      policy: strict + rest,
      'cache-control': expect.stringContaining('no-store'),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
    expect(body).not.toMatch(/<script|javascript:|\son\w+=/i)
  }
})

test('every cookie is HttpOnly and SameSite, with path /', () => {
  const cookies = answers.filter(({ url }) => url.startsWith(issuer)).flatMap((answer) => answer.cookies)
  expect(new Set(cookies.map((cookie) => cookie.split('=')[0]))).toEqual(
    new Set(['browser', 'session', 'session.sig', 'locale', 'signed-out', 'signed-out.sig']),
  )
  for (const cookie of cookies)
    expect(cookie.toLowerCase()).toMatch(/^(?=.*; path=\/(;|$))(?=.*; httponly)(?=.*; samesite=lax)/)
})
