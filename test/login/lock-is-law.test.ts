/** There is no fallback login: every grant traces to an authentication at VNeID. */
import { readdirSync, readFileSync } from 'node:fs'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createVisitor, type Visitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { ask, basic, now, post, redeem, send, userinfo, wish } from '../support/wire.ts'

// Tests set the clock of simulator and broker forward; they never set it back.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
const world = await openWorld()
const definition = { subject_type: 'public', require_auth_time: true }
await world.register(
  portalDefinition('portal-a', definition),
  portalDefinition('portal-b', definition),
  portalDefinition('robot', {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    post_logout_redirect_uris: [],
  }),
)
afterEach(() => {
  world.simulator.approve('an')
  world.simulator.tamper({})
})

interface Completed {
  client: string
  subject: string
  sso: boolean
  time: number
}
const completed = () =>
  world.db.query<Completed>(
    `select client_id as client, subject_id as subject, (detail->>'sso')::boolean as sso, (detail->>'auth_time')::int as time
     from audit_event where event = 'login.completed' order by id`,
  )
const subjects = async () =>
  (await world.db.query<{ id: string }>('select id from subject order by id')).map(({ id }) => id)
type Tokens = { id_token: string; access_token: string; refresh_token: string }
async function signIn(id: string, visitor: Visitor, changes = {}) {
  const { heard } = await ask(world, wish(id, changes), visitor)
  const { body } = await redeem(world, id, heard!['code']!)
  return body as unknown as Tokens
}
const refresh = async (id: string, { refresh_token: token }: Tokens) =>
  (await post(world, '/token', { grant_type: 'refresh_token', refresh_token: token }, basic(id)))
    .body as unknown as Tokens
const said = ({ id_token: token }: Tokens) => {
  const { sub, aud, auth_time: time } = decodeJwt(token)
  return { subject: sub, client: aud, time }
}
const tick = () => void vi.setSystemTime(Date.now() + 2_000)

describe('every grant traces to an upstream authentication', () => {
  test('every ID token, after a login, in a session or after a refresh, has an audit event with the auth_time of VNeID', async () => {
    const visitor = createVisitor()
    const trips = world.simulator.requests.token
    // Yesterday, so that the time cannot come from our own clock.
    world.simulator.tamper({ staleAuthTime: true })
    const fresh = await signIn('portal-a', visitor)
    world.simulator.tamper({})
    expect(Math.abs(Number(said(fresh).time) - (now() - 86_400))).toBeLessThan(5)
    tick()
    const reused = await signIn('portal-b', visitor)
    expect(world.simulator.requests.token).toBe(trips + 1)
    const refreshed = await refresh('portal-a', fresh)
    const again = await refresh('portal-a', refreshed)
    world.simulator.approve('binh')
    const other = await signIn('portal-a', createVisitor())
    expect(world.simulator.requests.token).toBe(trips + 2)

    const events = await completed()
    for (const tokens of [fresh, reused, refreshed, again, other])
      expect(events).toContainEqual(expect.objectContaining(said(tokens)))
    expect(new Set([fresh, reused, refreshed, again].map((tokens) => said(tokens).subject)).size).toBe(1)
    expect(new Set([fresh, reused, refreshed, again].map((tokens) => said(tokens).time)).size).toBe(1)
    expect(said(other).subject).not.toBe(said(fresh).subject)
  })

  test('a new authentication needs one trip to VNeID, and a session always began with one', async () => {
    const events = await completed()
    expect(events.filter(({ sso }) => !sso)).toHaveLength(world.simulator.requests.token)
    for (const { sso: _, ...event } of events.filter(({ sso }) => sso)) {
      const { subject, time } = event
      const fresh = events.find((other) => !other.sso && other.subject === subject && other.time === time)
      expect(fresh && events.indexOf(fresh)).toBeLessThan(
        events.findIndex((other) => other.sso && other.subject === subject),
      )
    }
    expect(await subjects()).toEqual([...new Set(events.map(({ subject }) => subject))].toSorted())
  })

  test('a refresh is not a sign-in: it is refused once the person is disabled, and never changes auth_time', async () => {
    world.simulator.approve('vinh')
    const tokens = await signIn('portal-a', createVisitor())
    const before = (await completed()).length
    tick()
    const refreshed = await refresh('portal-a', tokens)
    expect(said(refreshed)).toEqual(said(tokens))
    expect(await completed()).toHaveLength(before)
    await world.db.query('update subject set disabled_at = now() where id = $1', [said(tokens).subject])
    expect(await refresh('portal-a', refreshed)).toMatchObject({ error: 'invalid_grant' })
  })

  test("a portal's own token has no subject", async () => {
    const { body } = await post(world, '/token', { grant_type: 'client_credentials' }, basic('robot'))
    expect(Object.keys(body)).not.toContain('id_token')
    expect((await userinfo(world, String(body['access_token']))).status).toBe(401)
  })
})

describe('there is no other way to sign in', () => {
  test('discovery lists only codes, refresh tokens, client credentials and the device flow, and only their endpoints', async () => {
    const { body } = await send(`${world.issuer}/.well-known/openid-configuration`)
    const endpoints = Object.keys(body).filter((name) => /_(endpoint|uri)$/.test(name))
    expect(endpoints.toSorted()).toEqual([
      'authorization_endpoint',
      // Only the operators' console may use it, and it also leads to VNeID (test/operators/sign-in.test.ts).
      'device_authorization_endpoint',
      'end_session_endpoint',
      'introspection_endpoint',
      'jwks_uri',
      'pushed_authorization_request_endpoint',
      'revocation_endpoint',
      'token_endpoint',
      'userinfo_endpoint',
    ])
    expect((body['grant_types_supported'] as string[]).toSorted()).toEqual([
      'authorization_code',
      'client_credentials',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ])
    expect(body['response_types_supported']).toEqual(['code'])
  })

  const elsewhere = [
    // Endpoints of the engine that are switched off.
    '/interaction/abcdefghijklmnopqrstu',
    '/interaction/abcdefghijklmnopqrstu/abort',
    '/interaction/abcdefghijklmnopqrstu/login',
    '/reg',
    '/reg/portal-a',
    '/device/abcdefghijklmnopqrstu',
    '/backchannel',
    '/challenge',
    '/credential',
    // Login paths of other software.
    '/login',
    '/signin',
    '/register',
    '/signup',
    '/password',
    '/connect/register',
    '/oauth/token',
    '/api/session',
    '/session',
    '/users',
    '/account',
    '/admin/subjects',
  ]
  test.each(elsewhere)('%s completes no sign-in, with any method', async (path) => {
    const before = await subjects()
    const fields = {
      login: 'an',
      password: '123456',
      prompt: 'login',
      citizenPid: '001085999901',
      fullName: 'x',
      accountType: '1',
      accountLevel: '02',
    }
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const reply = await send(`${world.issuer}${path}`, {
        method,
        headers: { accept: 'application/json' },
        ...(method === 'GET' ? {} : { body: new URLSearchParams(fields) }),
      })
      expect([method, reply.status]).toEqual([
        method,
        expect.toBeOneOf(/^.(interaction|device)./.test(path) ? [400, 404] : [404]),
      ])
      expect(reply.headers.getSetCookie().join()).not.toMatch(/^session/)
    }
    expect(await subjects()).toEqual(before)
  })

  test('only one SQL statement creates a person, only one function runs it, and only the callback calls it', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.startsWith('sandbox/'),
    )
    const having = (pattern: RegExp) =>
      files.filter((name) => pattern.test(readFileSync(`src/${name}`, 'utf8'))).toSorted()
    expect(having(/insert into subject\b/)).toEqual(['store/subjects.ts'])
    // The first gives a known person the successor of a cancelled number, which two operators decide.
    expect(having(/insert into identifier\b/)).toEqual(['store/identifiers.ts', 'store/subjects.ts'])
    // Statements that write keys of a number. The second hashes an existing number again, under the newest key.
    expect(having(/insert into identifier_key\b/)).toEqual([
      'store/identifiers.ts',
      'store/reseal.ts',
      'store/subjects.ts',
    ])
    expect(having(/\binsertIdentifier\(/)).toEqual(['mapping/rekey.ts', 'store/identifiers.ts'])
    expect(having(/\bwriteSignIn\(db,/)).toEqual(['login/sign-in.ts', 'mapping/vouching.ts'])
    // The first is about operators, and needs two persons.
    expect(having(/\bcreate: /)).toEqual(['admin/operator-kinds.ts', 'login/sign-in.ts'])
    expect(having(/createSignIn\(/)).toEqual(['login/login.ts', 'login/sign-in.ts'])
    // The first continues a session that already has a person.
    expect(having(/\bsignIn\(identity, /)).toEqual([
      'login/engine-steps.ts',
      'login/routes.ts',
      'login/sign-in.ts',
    ])
    // The second puts a timer around the first's call.
    expect(having(/\.complete\(/)).toEqual(['login/routes.ts', 'upstream/open.ts'])
    expect(having(/loginAccount|interactionFinished|interactionResult/)).toEqual([])
    const routes = readFileSync('src/login/routes.ts', 'utf8')
    const all = ['', 'link-', 'logout-']
      .map((name) => readFileSync(`src/login/${name}routes.ts`, 'utf8'))
      .join('')
    const declared = [...all.matchAll(/router\.(\w+)\(\s*'[\w-]+',\s*'([^']+)'/g)].map(
      ([, method, path]) => `${method} ${path}`,
    )
    expect(declared).toEqual([
      'get /interaction/:state',
      'get /interaction/:state/start',
      // Leads to VNeID again, after a callback that was interrupted.
      'get /interaction/:state/continue',
      'get /interaction/:state/cancel',
      'get /callback',
      // The page about an old account, for a person who has returned from VNeID. Only the callback leads there.
      'get /interaction/:state/link',
      'post /interaction/:state/link',
      'get /session/end',
      'get /signed-out',
      'post /session/end/confirm',
    ])
    expect(having(/\bnew Router\(/)).toEqual([
      'admin/server.ts',
      'login/link-routes.ts',
      'login/logout-routes.ts',
      'login/routes.ts',
      // Our public keys, and nothing else.
      'oidc/key-routes.ts',
      'portals/routes.ts',
    ])
    expect(routes.match(/\.complete\(/g)).toHaveLength(1)
    expect(having(/\bconsent: /)).toEqual(['login/resume.ts'])
    expect(having(/\bresume\.enter\(/)).toEqual(['login/link-routes.ts', 'login/routes.ts'])
  })
})
