/** Wrong answers from VNeID, real or forged: the portal gets the right error, and the broker keeps no session and no row. */
import { describe, expect, test } from 'vitest'
import type { Faults } from '../../src/sandbox/simulator/simulator.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import {
  atDoor,
  dialects,
  expectNoSession,
  expectRefusal,
  expectSilentLog,
  openBoth,
  traces,
} from '../support/login/refusal.ts'
import { ask, browse, expectPage, type Fields, wish } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const worlds = await openBoth()
const { oidc } = worlds

describe.each(dialects)('%s: the callback', (dialect) => {
  const world = worlds[dialect]
  const withState = (url: string, state: string) => url.replace(/state=[^&]*/, `state=${state}`)

  test('a state that is unknown, malformed, missing or altered is refused, and does not use up the trip', async () => {
    const { url, visitor } = await atDoor(world)
    const state = /state=([^&]*)/.exec(url)![1]!
    const before = await traces(world)
    const wrong = [
      'unknown',
      '',
      `${'a'.repeat(21)}.${'b'.repeat(43)}`,
      state.slice(0, -1),
      `${state}x`,
      state.replace('.', ''),
      `${'a'.repeat(21)}.${state.split('.')[1]}`,
      `${state.split('.')[0]}.${'A'.repeat(43)}`,
      '%00',
      '..%2f..%2fauth',
      Buffer.from('https://evil.example/').toString('base64url'),
    ]
    for (const given of wrong) expectPage(await browse(withState(url, given), visitor), 'interaction_gone')
    expectPage(await browse(url.replace(/&?state=[^&]*/, ''), visitor), 'interaction_gone')
    expect(await traces(world)).toEqual(before)
    expect((await browse(url, visitor)).heard).toHaveProperty('code')
  })

  test('a state that is used a second time ends on a page', async () => {
    const { url, visitor } = await atDoor(world)
    expect((await browse(url, visitor)).heard).toHaveProperty('code')
    const before = await traces(world)
    expectPage(await browse(url, visitor), 'interaction_gone')
    expect(await traces(world)).toEqual(before)
  })

  test('of 10 parallel uses of one state exactly one leads to the portal', async () => {
    const { url, visitor } = await atDoor(world)
    const answers = await Promise.all(Array.from({ length: 10 }, () => browse(url, visitor)))
    expect(answers.filter(({ heard }) => heard?.['code'] !== undefined)).toHaveLength(1)
    for (const answer of answers) if (!answer.heard) expectPage(answer, 'interaction_gone')
  })

  test('a state in another browser is refused there, and still works in the browser that began the sign-in', async () => {
    const { url, visitor } = await atDoor(world)
    const stranger = createVisitor()
    expectPage(await browse(url, stranger), 'interaction_gone')
    await expectNoSession(world, stranger)
    // The same holds if that browser has begun another trip.
    const other = await atDoor(world)
    expectPage(await browse(url, other.visitor), 'interaction_gone')
    expect((await browse(url, visitor)).heard).toHaveProperty('code')
    expect((await browse(other.url, other.visitor)).heard).toHaveProperty('code')
  })

  test('a forged error response does not end the trip of another browser', async () => {
    const { url, visitor } = await atDoor(world)
    const state = /state=([^&]*)/.exec(url)![1]!
    expectPage(
      await browse(`${world.issuer}/callback?error=access_denied&state=${state}`),
      'interaction_gone',
    )
    expect((await browse(url, visitor)).heard).toHaveProperty('code')
  })

  test('a callback with a parameter twice is refused, in either order', async () => {
    const { url, visitor } = await atDoor(world)
    const answer = await browse(`${url}&code=another`, visitor)
    expect(answer.heard).toMatchObject({ error: 'server_error', state: 'st-1', iss: world.issuer })
    await expectNoSession(world, visitor)
  })
})

test('a code that an attacker injects into another trip is refused, because the verifier of that trip does not match', async () => {
  oidc.simulator.approve('binh')
  const attacker = await atDoor(oidc)
  oidc.simulator.approve('an')
  const victim = await atDoor(oidc)
  const before = await traces(oidc)
  const code = new URL(attacker.url).searchParams.get('code')!
  const { heard } = await browse(victim.url.replace(/code=[^&]*/, `code=${code}`), victim.visitor)
  expect(heard).toMatchObject({
    error: 'server_error',
    error_description: expect.stringContaining('upstream_rejected_us'),
  })
  expect(await traces(oidc)).toEqual({ ...before, refused: before.refused + 1 })
  await expectNoSession(oidc, victim.visitor)
})

test('the state of another interaction of the same browser does not take its code', async () => {
  const visitor = createVisitor()
  const [one, two] = [await atDoor(oidc, 'portal-a', visitor), await atDoor(oidc, 'everybody', visitor)]
  const state = new URL(two.url).searchParams.get('state')!
  const { heard } = await browse(one.url.replace(/state=[^&]*/, `state=${state}`), visitor)
  expect(heard).toMatchObject({ error: 'server_error', state: 'st-1', iss: oidc.issuer })
  expect((await browse(one.url, visitor)).heard).not.toHaveProperty('code')
})

describe('invalid answers of VNeID, oidc dialect', () => {
  const lean = { leanIdToken: true }
  const faults: [string, Faults, error?: string, code?: string][] = [
    ['an ID token with another nonce', { wrongNonce: true }],
    ['an ID token for another audience', { wrongAudience: true }],
    ['an ID token of another issuer', { wrongIssuer: true }],
    ['an authorization response of another issuer', { wrongResponseIssuer: true }],
    ['an expired ID token', { expiredIdToken: true }],
    ['an ID token with alg none', { algNone: true }],
    ['an ID token signed by an unknown key', { unknownKey: true }],
    ['an answer without an ID token', { noIdToken: true }],
    ['userinfo of another sub', { ...lean, wrongUserinfoSub: true }],
    ['claims without kind and number', { missingClaims: true }],
    ['a token endpoint that fails', { tokenError: true }, 'temporarily_unavailable', 'upstream_unavailable'],
    ['a token endpoint that hangs', { tokenHangs: true }, 'temporarily_unavailable', 'upstream_unavailable'],
    [
      'a userinfo endpoint that fails',
      { ...lean, userinfoError: true },
      'temporarily_unavailable',
      'upstream_unavailable',
    ],
    [
      'a userinfo endpoint that hangs',
      { ...lean, userinfoHangs: true },
      'temporarily_unavailable',
      'upstream_unavailable',
    ],
  ]
  test.each(faults)(
    '%s is refused and creates no person',
    async (_what, fault, error = 'server_error', code = 'upstream_answer_invalid') => {
      oidc.simulator.tamper(fault)
      await expectRefusal(oidc, error, code)
    },
  )

  test.each<Fields>([{ prompt: 'login' }, { max_age: '60' }, { max_age: '0' }])(
    'an authentication of yesterday is refused if %o requires a new one',
    async (wanted) => {
      for (const fault of [{ staleAuthTime: true }, { noAuthTime: true }]) {
        oidc.simulator.tamper(fault)
        await expectRefusal(oidc, 'login_required', 'upstream_authentication_stale', 'portal-a', wanted)
      }
    },
  )
})

describe('invalid answers of VNeID, vneid dialect', () => {
  const world = worlds.vneid
  const faults: [string, Faults, error?: string, code?: string][] = [
    ['an encrypted body that was altered', { alteredBody: true }],
    ['a body that is not encrypted', { plainBody: true }],
    ['an encrypted code that was altered', { alteredCode: true }],
    ['claims without kind and number', { missingClaims: true }],
    ['a token endpoint that fails', { tokenError: true }, 'temporarily_unavailable', 'upstream_unavailable'],
    ['a token endpoint that hangs', { tokenHangs: true }, 'temporarily_unavailable', 'upstream_unavailable'],
    [
      'a userinfo endpoint that fails',
      { userinfoError: true },
      'temporarily_unavailable',
      'upstream_unavailable',
    ],
    [
      'a userinfo endpoint that hangs',
      { userinfoHangs: true },
      'temporarily_unavailable',
      'upstream_unavailable',
    ],
  ]
  test.each(faults)(
    '%s is refused and creates no person',
    async (_what, fault, error = 'server_error', code = 'upstream_answer_invalid') => {
      world.simulator.tamper(fault)
      await expectRefusal(world, error, code)
    },
  )
})

test('if VNeID is unreachable the portal gets that error, and no other way to sign in is offered', async () => {
  const world = await openWorld({
    environment: { UPSTREAM_ISSUER: 'http://127.0.0.1:9', UPSTREAM_TIMEOUT: '1' },
  })
  await world.register(
    portalDefinition('portal-a'),
    portalDefinition('noticing', { policy: { notice: true } }),
  )
  const { heard, visitor } = await ask(world, wish('portal-a'))
  expect(heard).toMatchObject({ error: 'temporarily_unavailable', state: 'st-1', iss: world.issuer })
  expect(visitor.steps).toHaveLength(1)
  const notice = await ask(world, wish('noticing'))
  const start = /href="([^"]+\/start[^"]*)"/.exec(notice.body)![1]!
  const answer = await browse(new URL(start, notice.url).href, notice.visitor)
  expect(answer.heard).toMatchObject({ error: 'temporarily_unavailable', state: 'st-1', iss: world.issuer })
  expect(await traces(world)).toMatchObject({ refused: 2, subjects: 0, completed: 0 })
})

test.each(dialects)('%s: no line of the log identifies the person', (dialect) => {
  expectSilentLog(worlds[dialect])
})
