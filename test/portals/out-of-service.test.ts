/** A portal out of service and a person who may not sign in, at every grant and endpoint. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { grants } from '../support/portals/callers.ts'
import { basic, browse, encode, post, redeem, send, userinfo, wish } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

// The broker's clock can be set forward; it is never set back while a world lives.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
const world = await openWorld({ periods: { renewal: 50 } })
const registrar = await world.operator('rita.registrar', ['registrar'])
await world.register(portalDefinition('another'))

/** What a portal and a person hold when they go out of service. */
interface Held {
  readonly id: string
  readonly visitor: Visitor
  readonly code: string
  readonly unusedCode: string
  readonly accessToken: string
  readonly refreshToken: string
  readonly machineToken: string
  readonly pushed: string
}
const offline = { scope: 'openid profile offline_access', prompt: 'consent' }

async function hold(citizen: string): Promise<Held> {
  world.simulator.approve(citizen)
  const id = `held-${randomUUID().slice(0, 8)}`
  await world.register(
    portalDefinition(id, { grant_types: grants, scope: 'openid profile offline_access legacy_accounts' }),
  )
  const visitor = createVisitor()
  const codeOf = async () =>
    (await browse(`${world.issuer}/auth?${encode(wish(id, offline))}`, visitor)).heard!['code']!
  const code = await codeOf()
  const { body } = await redeem(world, id, code)
  const machine = { grant_type: 'client_credentials', scope: 'legacy_accounts' }
  const granted = await post(world, '/token', machine, basic(id))
  const pushed = await post(world, '/request', wish(id), basic(id))
  return {
    id,
    visitor,
    code,
    unusedCode: await codeOf(),
    accessToken: String(body['access_token']),
    refreshToken: String(body['refresh_token']),
    machineToken: String(granted.body['access_token']),
    pushed: String(pushed.body['request_uri']),
  }
}

const outcomeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) =>
  body['error'] === undefined ? status : `${status} ${body['error'] as string}`
const ask = async (url: string, visitor?: Visitor) => {
  const { status, heard } = await browse(url, visitor)
  return heard === undefined ? `page ${status}` : (heard.error ?? 'code')
}
const signIn = (id: string, changes = {}) => `${world.issuer}/auth?${encode(wish(id, changes))}`
const at = (id: string, path: string, fields: Record<string, string>) =>
  post(world, path, fields, basic(id)).then(outcomeOf)

/** Every grant and endpoint: what comes of it. */
const uses = {
  'a new sign-in': ({ id }: Held) => ask(signIn(id)),
  'a sign-in within the session': ({ id, visitor }: Held) => ask(signIn(id), visitor),
  'a sign-in without a page': ({ id, visitor }: Held) => ask(signIn(id, { prompt: 'none' }), visitor),
  'the session at another portal': ({ visitor }: Held) => ask(signIn('another'), visitor),
  'a pushed request': ({ id, pushed }: Held) =>
    ask(`${world.issuer}/auth?${encode({ client_id: id, request_uri: pushed })}`),
  'a new pushed request': ({ id }: Held) => post(world, '/request', wish(id), basic(id)).then(outcomeOf),
  'a code': ({ id, unusedCode }: Held) => redeem(world, id, unusedCode).then(outcomeOf),
  'a refresh token': ({ id, refreshToken }: Held) =>
    at(id, '/token', { grant_type: 'refresh_token', refresh_token: refreshToken }),
  'client credentials': ({ id }: Held) =>
    at(id, '/token', { grant_type: 'client_credentials', scope: 'legacy_accounts' }),
  userinfo: ({ accessToken }: Held) => userinfo(world, accessToken).then(outcomeOf),
  'the API of portals': ({ machineToken }: Held) =>
    send(`${world.issuer}/legacy-accounts/changes`, {
      headers: { authorization: `Bearer ${machineToken}` },
    }).then(({ status }) => status),
  introspection: async ({ id, accessToken }: Held) => {
    const { status, body } = await post(world, '/token/introspection', { token: accessToken }, basic(id))
    return status === 200 ? `active ${String(body['active'])}` : `${status} ${body['error'] as string}`
  },
  revocation: ({ id, refreshToken }: Held) => at(id, '/token/revocation', { token: refreshToken }),
} satisfies Record<string, (held: Held) => Promise<string | number>>

const setDisabled = (number: string) =>
  world.db.query(
    `update subject set disabled_at = now() where id in (select i.subject_id from identifier_key k
       join identifier i on i.id = k.identifier_id where k.key = any($1::bytea[]))`,
    [world.citizenKeysOf(number)],
  )
async function shut(act: 'suspend' | 'retire', { id }: Held) {
  for (const step of act === 'retire' ? ['suspend', 'retire'] : ['suspend'])
    await registrar.call('POST', `/v1/clients/${id}/${step}`, { reason: 'for the test' })
  await vi.waitFor(async () => expect(await ask(signIn(id))).toBe('page 403'), {
    timeout: 5_000,
    interval: 10,
  })
}

const atPortal = {
  'a new sign-in': 'page 403',
  'a sign-in within the session': 'page 403',
  'a sign-in without a page': 'page 403',
  'the session at another portal': 'code',
  'a pushed request': 'page 403',
  'a new pushed request': '401 invalid_client',
  'a code': '401 invalid_client',
  'a refresh token': '401 invalid_client',
  'client credentials': '401 invalid_client',
  userinfo: '401 invalid_token',
  'the API of portals': 401,
  introspection: '401 invalid_client',
  revocation: '401 invalid_client',
}
const ofPerson = {
  'a new sign-in': 'access_denied',
  'a sign-in within the session': 'access_denied',
  'a sign-in without a page': 'access_denied',
  'the session at another portal': 'access_denied',
  'a pushed request': 'access_denied',
  // These are the portal's, not the person's.
  'a new pushed request': 201,
  'client credentials': 200,
  'the API of portals': 200,
  // Issued less than a minute ago: see the next test.
  'a code': 200,
  userinfo: 200,
  'a refresh token': '400 invalid_grant',
  introspection: 'active false',
  revocation: 200,
}
const causes: Record<string, { citizen: string; end: (held: Held) => Promise<unknown>; expected: object }> = {
  'a suspended portal': { citizen: 'an', end: (held) => shut('suspend', held), expected: atPortal },
  'a retired portal': { citizen: 'binh', end: (held) => shut('retire', held), expected: atPortal },
  'a disabled person': {
    citizen: 'vinh',
    end: () => setDisabled(citizenNamed('vinh').number),
    expected: ofPerson,
  },
}

describe.each(Object.entries(causes))('%s', (_, { citizen, end, expected }) => {
  test('is refused at every grant and endpoint', async () => {
    const held = await hold(citizen)
    await end(held)
    const outcomes: Record<string, string | number> = {}
    for (const [name, use] of Object.entries(uses)) outcomes[name] = await use(held)
    expect(outcomes).toEqual(expected)
  })
})

test('in service, the same uses succeed', async () => {
  const held = await hold('an')
  const outcomes: Record<string, string | number> = {}
  for (const [name, use] of Object.entries(uses)) outcomes[name] = await use(held)
  expect(outcomes).toEqual({
    ...Object.fromEntries(Object.keys(uses).map((name) => [name, 'code'])),
    'a new pushed request': 201,
    'a code': 200,
    'a refresh token': 200,
    'client credentials': 200,
    userinfo: 200,
    'the API of portals': 200,
    introspection: 'active true',
    revocation: 200,
  })
})

test('a minute after a person was disabled, userinfo refuses tokens in use', async () => {
  const held = await hold('khoi')
  await setDisabled(citizenNamed('khoi').number)
  vi.setSystemTime(Date.now() + 61_000)
  expect(await uses.userinfo(held)).toBe('401 invalid_token')
})
