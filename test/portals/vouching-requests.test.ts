/** Only the portal itself can vouch, because a browser could change a parameter in clear text. */
import { expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { decide, farAway, heardAt, toPortal } from '../support/portals/vouching.ts'
import {
  ask,
  basic,
  browse,
  encode,
  newSigner,
  now,
  post,
  sign,
  unsigned,
  wish,
  expectPage,
} from '../support/wire.ts'

const world = await openWorld()
const { simulator } = world
const key = await newSigner()
await world.register(
  portalDefinition('plain', { jwks: { keys: [key.jwk] }, policy: { mapping: farAway } }),
  portalDefinition('app', {
    token_endpoint_auth_method: 'none',
    client_secret: undefined,
    jwks: { keys: [key.jwk] },
  }),
  portalDefinition('unregistered', { scope: 'openid profile' }),
)
await world.legacyAccounts('plain', { account_id: 'old-1', kind: 'citizen' })
const named = { legacy_account: 'old-1' }
const refused = {
  error: 'invalid_request',
  error_description: expect.stringContaining('legacy_account') as string,
  iss: world.issuer,
}
const object = (id: string, changes = {}) => ({
  ...wish(id, { state: 'in-1' }),
  iss: id,
  aud: world.issuer,
  iat: now(),
  nbf: now() - 5,
  exp: now() + 60,
  jti: crypto.randomUUID(),
  ...changes,
})
const push = (id: string, fields: Record<string, string | undefined>) =>
  post(world, '/request', fields, basic(id))
const expectNobody = async () => {
  const rows = await world.db.query(`select 1 from account_link where client_id = 'plain'`)
  expect(rows).toEqual([])
}

test('legacy_account in a plain query is refused by name, also with a session', async () => {
  const { visitor } = await (await world.portal({ clientId: 'plain' })).signIn()
  const before = simulator.requests.authorize
  expect((await ask(world, wish('plain', named))).heard).toMatchObject(refused)
  expect((await ask(world, wish('plain', named), visitor)).heard).toMatchObject(refused)
  const twice = `${world.issuer}/auth?${encode(wish('plain', named))}&legacy_account=old-2`
  expect((await browse(twice)).heard).toMatchObject(refused)
  expect(simulator.requests.authorize).toBe(before)
  await expectNobody()
})

test('legacy_account_portal must be pushed or signed, together with legacy_account', async () => {
  const owner = { legacy_account_portal: 'plain' }
  const before = simulator.requests.authorize
  expect((await ask(world, wish('plain', owner))).heard).toMatchObject(refused)
  const { body } = await push('plain', wish('plain', named))
  const pushed = { client_id: 'plain', request_uri: String(body['request_uri']), ...owner }
  expect((await ask(world, pushed)).heard).toMatchObject(refused)
  const request = await sign(key, object('plain', named))
  expect((await ask(world, { client_id: 'plain', request, ...owner })).heard).toMatchObject(refused)
  expect(simulator.requests.authorize).toBe(before)
  for (const bad of [owner, { ...named, legacy_account_portal: 'x'.repeat(65) }])
    expect(await push('plain', wish('plain', bad))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
  expect((await push('plain', wish('plain', { ...named, ...owner }))).status).toBe(201)
  const signed = await sign(key, object('plain', { ...named, ...owner }))
  expect((await push('plain', { client_id: 'plain', request: signed })).status).toBe(201)
  await expectNobody()
})

test('an empty parameter counts as absent (RFC 6749 §3.1)', async () => {
  const empty = { legacy_account: '', legacy_account_portal: '' }
  expect((await ask(world, wish('plain', { ...empty, request: '', request_uri: '' }))).heard).toHaveProperty(
    'code',
  )
  const { status } = await push('plain', wish('plain', { ...named, request: '' }))
  expect(status).toBe(201)
  expect((await push('plain', wish('plain', { ...empty, request: '' }))).status).toBe(201)
  const { body } = await push('plain', wish('plain', named))
  const pushed = { client_id: 'plain', request_uri: String(body['request_uri']), ...empty }
  expect((await ask(world, pushed)).body).toContain('Liên kết tài khoản')
  const signed = await sign(key, object('plain', empty))
  expect((await ask(world, { client_id: 'plain', request: signed, ...empty })).heard).toHaveProperty('code')
  expect((await push('plain', { client_id: 'plain', request: signed, ...empty })).status).toBe(201)
})

test('a request object that names an account needs a jti, unless it is pushed', async () => {
  for (const jti of [undefined, '', 'x'.repeat(257)]) {
    const request = await sign(key, object('plain', { ...named, jti }))
    expectPage(await ask(world, { client_id: 'plain', request }), 'request_invalid')
    expect((await push('plain', { client_id: 'plain', request })).status).toBe(201)
  }
  const request = await sign(key, object('plain', { jti: undefined }))
  expect((await ask(world, { client_id: 'plain', request })).heard).toHaveProperty('code')
})

test('a request object that names an account asks one person once', async () => {
  const request = await sign(key, object('plain', named))
  const url = `${world.issuer}/auth?${encode({ client_id: 'plain', request })}`
  const first = createVisitor()
  simulator.approve('an')
  const asked = await first.open(url, { until: toPortal })
  expect(asked.body).toContain('Liên kết tài khoản')
  const declined = await decide(first, asked, 'skip')
  expect(heardAt(declined)).toHaveProperty('code')
  // Another person, the same person again, and the same browser.
  for (const [citizen, visitor] of [
    ['binh', createVisitor()],
    ['an', createVisitor()],
    ['an', first],
  ] as const) {
    simulator.approve(citizen)
    expectPage(await visitor.open(url, { until: toPortal }), 'interaction_gone')
  }
  simulator.approve('an')
  await expectNobody()
})

test('a pushed request that names an account asks one person, also while the first one has not answered', async () => {
  const { body } = await push('plain', wish('plain', named))
  const url = `${world.issuer}/auth?${encode({ client_id: 'plain', request_uri: String(body['request_uri']) })}`
  const [first, second] = [createVisitor(), createVisitor()]
  const asked = await first.open(url, { until: toPortal })
  expect(asked.body).toContain('Liên kết tài khoản')
  simulator.approve('binh')
  const other = await second.open(url, { until: toPortal })
  simulator.approve('an')
  expect(other.body).not.toContain('Liên kết tài khoản')
  expect(heardAt(await decide(first, asked, 'skip'))).toHaveProperty('code')
  await expectNobody()
})

test('of simultaneous sign-ins with one request object that names an account one is asked', async () => {
  const request = await sign(key, object('plain', named))
  const url = `${world.issuer}/auth?${encode({ client_id: 'plain', request })}`
  const pages = await Promise.all(
    Array.from({ length: 6 }, () => createVisitor().open(url, { until: toPortal })),
  )
  expect(pages.filter(({ body }) => body.includes('Liên kết tài khoản'))).toHaveLength(1)
  expect(pages.filter(({ body }) => body.includes('interaction_gone'))).toHaveLength(5)
})

test('a posted form is refused like a plain query', async () => {
  const visitor = createVisitor()
  const form = Object.fromEntries(new URLSearchParams(encode(wish('plain', named))))
  const page = await visitor.open(`${world.issuer}/auth`, { form, until: toPortal })
  expect(heardAt(page)).toMatchObject(refused)
})

test('a parameter beside a pushed request or a request object is refused, whether these name an account or not', async () => {
  for (const inside of [{}, { legacy_account: 'mine' }]) {
    const { body } = await push('plain', wish('plain', inside))
    const pushed = { client_id: 'plain', request_uri: String(body['request_uri']), ...named }
    expect((await ask(world, pushed)).heard).toMatchObject(refused)
    const request = await sign(key, object('plain', inside))
    expect((await ask(world, { client_id: 'plain', request, ...named })).heard).toMatchObject(refused)
  }
  const request = await sign(key, object('plain'))
  expect(await push('plain', { client_id: 'plain', request, ...named })).toMatchObject({
    status: 400,
    body: { error: 'invalid_request' },
  })
  await expectNobody()
})

test('an unsigned request object is refused, in the query and pushed', async () => {
  const request = unsigned(object('plain', named))
  expect((await ask(world, wish('plain', { request }))).heard).toMatchObject({
    error: 'invalid_request_object',
  })
  const pushed = await push('plain', { client_id: 'plain', request })
  expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_request_object' } })
})

test('a public client cannot vouch, neither pushed nor signed', async () => {
  const pushed = await post(world, '/request', wish('app', named))
  expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(pushed.text).toContain('confidential')
  const request = await sign(key, object('app', named))
  expect((await ask(world, wish('app', { request }))).heard).toMatchObject(refused)
})

test('a portal without the registered scope cannot vouch, and the account id has a maximum length', async () => {
  const pushed = await push('unregistered', wish('unregistered', named))
  expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(pushed.text).toContain('legacy_accounts')
  const long = await push('plain', wish('plain', { legacy_account: 'x'.repeat(257) }))
  expect(long).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect((await push('plain', wish('plain', { legacy_account: 'x'.repeat(256) }))).status).toBe(201)
})
