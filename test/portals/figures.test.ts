/** A portal's own figures. */
import { beforeAll, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { runAs } from '../support/operators/command.ts'
import { readGuide } from '../support/docs/guide.ts'
import { openListener } from '../support/operation/listener.ts'
import { press } from '../support/portal.ts'
import { createCallers, grants } from '../support/portals/callers.ts'
import { basic, post } from '../support/wire.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

let world: World
let token: string
const read = async (query = '', authorization = `Bearer ${token}`) => {
  const response = await fetch(`${world.issuer}/figures${query}`, { headers: { authorization } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, response }
}
const tokenOf = async (id: string) =>
  String((await post(world, '/token', { grant_type: 'client_credentials' }, basic(id))).body['access_token'])

/** Requests that anybody can send with a portal's client_id. They must not count as the portal's. */
async function strangers(): Promise<void> {
  await post(world, '/token', { grant_type: 'refresh_token' }, basic('portal-a', 'not the secret at all'))
  await fetch(`${world.issuer}/auth?client_id=portal-a`)
  await fetch(`${world.issuer}/session/end?client_id=portal-a&post_logout_redirect_uri=https://evil.example/`)
  const open = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'portal-open' }
  expect((await post(world, '/token', open)).body).toMatchObject({ error: 'invalid_grant' })
}

beforeAll(async () => {
  world = await openWorld()
  const listener = await openListener()
  const definition = {
    grant_types: grants,
    scope: 'openid profile',
    backchannel_logout_uri: `${listener.url}/out`,
    policy: { private_networks: ['127.0.0.0/8'] },
  }
  await world.register(
    portalDefinition('portal-a', definition),
    portalDefinition('portal-b', { ...definition, backchannel_logout_uri: 'http://127.0.0.1:9/nobody' }),
    portalDefinition('portal-c', { grant_types: grants }),
    portalDefinition('portal-open', {
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid offline_access',
      token_endpoint_auth_method: 'none',
      client_secret: undefined,
    }),
  )
  const [a, b] = [await world.portal({ clientId: 'portal-a' }), await world.portal({ clientId: 'portal-b' })]
  for (const name of ['an', 'binh']) {
    const { number } = citizenNamed(name)
    await world.legacyAccount({ clientId: 'portal-a', accountId: `old-${name}`, number })
  }
  const visitor = createVisitor()
  await a.signIn({}, visitor)
  await a.signIn({}, visitor)
  await b.signIn({}, visitor)
  await press(visitor, await visitor.open(`${world.issuer}/session/end`), { logout: 'yes' })
  world.simulator.approve('chi')
  await a.ask({ acr_values: 'urn:vneid:2' })
  await post(world, '/token', { grant_type: 'refresh_token', refresh_token: 'x' }, basic('portal-a'))
  await strangers()
  // A node writes its counts when it stops.
  await world.restart()
  token = await tokenOf('portal-a')
})

const anything = expect.any(String) as unknown

test('a portal gets the figures that its guide prints', async () => {
  const [, printed = ''] =
    /<!-- answer: figures -->\n```json\n([\s\S]+?)```/.exec(readGuide('integrate.md')) ?? []
  const wanted = JSON.parse(printed, (_key, value: unknown) => (value === '…' ? anything : value)) as {
    keys: unknown[]
  }
  const { status, body, response } = await read()
  expect(status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  // One key per algorithm.
  expect(body).toEqual({ ...wanted, keys: [...wanted.keys, ...wanted.keys] })
})

test('a portal gets only its own figures', async () => {
  const { body } = await read('', `Bearer ${await tokenOf('portal-b')}`)
  expect(body).toMatchObject({
    client: 'portal-b',
    logins: { completed: 1, refused: 0 },
    logout: { delivered: 0, failed: 1 },
    links: { accounts: 0, rate: null },
  })
  expect(JSON.stringify(body)).not.toContain('portal-a')
  expect((await read('', `Bearer ${await tokenOf('portal-c')}`)).body).toMatchObject({
    logins: { completed: 0, refused: 0, refused_by_code: {} },
    days: [],
  })
  expect((await read('?client=portal-b')).status).toBe(400)
})

test('from and to limit the counts, and not the current numbers', async () => {
  expect((await read('?from=2024-01-01&to=2024-12-31')).body).toMatchObject({
    logins: { completed: 0 },
    days: [],
    links: { accounts: 2 },
  })
  for (const query of [
    '?from=2025-02-01&to=2025-01-01',
    '?from=2020-01-01',
    '?from=yesterday',
    '?to=2025-02-30',
  ])
    expect({ query, status: (await read(query)).status }).toEqual({ query, status: 400 })
})

test("a request with a citizen's token, or without a token, is refused", async () => {
  // Not at portal-a: its counts are compared below, and a node writes new ones down every few seconds.
  const portal = await world.portal({ clientId: 'portal-c' })
  const { tokens } = await portal.signIn()
  expect((await read('', `Bearer ${tokens.access_token}`)).status).toBe(401)
  expect((await fetch(`${world.issuer}/figures`)).status).toBe(401)
})

test('the scope legacy_accounts is required for legacy accounts, and not for figures', async () => {
  const callers = createCallers(world)
  const answer = await callers.at('portal-a', { authorization: `Bearer ${token}` }).changesAnswer()
  expect(answer.status).toBe(403)
  expect(answer.headers.get('www-authenticate')).toContain('scope="legacy_accounts"')
})

test('an operator can read every portal’s figures, and the command prints them', async () => {
  const viewer = await world.operator('a.viewer', ['viewer'])
  const { portals } = await viewer.call<{ portals: { client: string; logins: object }[] }>(
    'GET',
    '/v1/figures',
  )
  expect(portals.map(({ client }) => client)).toEqual(['portal-a', 'portal-b', 'portal-c'])
  expect(portals[1]).toMatchObject({ logins: { completed: 1 }, logout: { failed: 1 } })
  const one = await viewer.call<{ portals: unknown[] }>('GET', '/v1/figures?client=portal-b')
  expect(one.portals).toEqual([portals[1]])

  expect(await runAs(viewer, 'figures', [], { client: 'portal-a' })).toMatch(
    /^portal-a {2}\S+ to \S+\n {2}logins: 2 completed, 1 refused\n {4}level_unmet +1\n {2}requests refused:\n {4}invalid_grant +1\n {2}logout notices: 1 delivered, 0 failed\n {2}links: 1 of 2 accounts \(50\.0%\), 1 open, 0 in review\n {2}a secret ends \d{4}-/,
  )
})
