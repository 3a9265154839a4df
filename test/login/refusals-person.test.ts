/** Persons who are refused although VNeID vouches for them: level, kind, authority, form of the number; also in a session. */
import { describe, expect, test } from 'vitest'
import {
  dialects,
  expectNoSession,
  expectRefusal,
  expectSilentLog,
  lastRefusal,
  openBoth,
  traces,
} from '../support/login/refusal.ts'
import { ask, type Fields, redeem, userinfo, wish } from '../support/wire.ts'

const worlds = await openBoth()
const { oidc } = worlds

describe.each(dialects)('%s: the person', (dialect) => {
  const world = worlds[dialect]
  const acr = (request: object): Fields => ({
    claims: JSON.stringify({ id_token: { acr: { essential: true, ...request } } }),
  })

  test.each<[string, string, string, string, string?, Fields?]>([
    ['a malformed number', 'tam', 'access_denied', 'identifier_malformed'],
    ['a citizen whose account is locked', 'phuc', 'access_denied', 'upstream_refused'],
    ['a citizen who declines', 'quyen', 'access_denied', 'upstream_refused'],
    [
      'level 1 where level 2 is requested',
      'chi',
      'unmet_authentication_requirements',
      'level_unmet',
      'portal-a',
      { acr_values: 'urn:vneid:2' },
    ],
    [
      'level 1 where level 2 is essential',
      'chi',
      'unmet_authentication_requirements',
      'level_unmet',
      'portal-a',
      acr({ value: 'urn:vneid:2' }),
    ],
    [
      'level 1 where one of several other levels is essential',
      'chi',
      'unmet_authentication_requirements',
      'level_unmet',
      'portal-a',
      acr({ values: ['urn:vneid:2', 'urn:vneid:3'] }),
    ],
    [
      'level 1 at a portal that requires level 2',
      'chi',
      'unmet_authentication_requirements',
      'level_unmet',
      'only-level-2',
    ],
    [
      'level 1 at that portal, even if the request names level 1',
      'uyen',
      'unmet_authentication_requirements',
      'level_unmet',
      'only-level-2',
      { acr_values: 'urn:vneid:1' },
    ],
    [
      'an organisation, which has no level, where a level is requested',
      'congty',
      'unmet_authentication_requirements',
      'level_unmet',
      'everybody',
      { acr_values: 'urn:vneid:1' },
    ],
    ['a foreigner at a portal for citizens', 'john', 'access_denied', 'kind_not_admitted'],
    ['an organisation at a portal for citizens', 'congty', 'access_denied', 'kind_not_admitted'],
    ['a representative at a portal for citizens', 'minh', 'access_denied', 'kind_not_admitted'],
    ['a citizen at a portal for foreigners', 'binh', 'access_denied', 'kind_not_admitted', 'foreigners'],
    [
      'a member without authority, at a portal for all kinds',
      'nga',
      'access_denied',
      'kind_unauthorised',
      'everybody',
    ],
  ])('%s is refused', async (_what, citizen, error, code, id, changes) => {
    world.simulator.approve(citizen)
    await expectRefusal(world, error, code, id, changes)
  })

  test('an acr that we do not support is refused before the trip to VNeID, and audited', async () => {
    const { refused } = await traces(world)
    const before = world.simulator.requests.authorize
    const { heard } = await ask(world, wish('portal-a', { acr_values: 'urn:other:high' }))
    expect(heard).toMatchObject({
      error: 'unmet_authentication_requirements',
      state: 'st-1',
      iss: world.issuer,
    })
    expect(world.simulator.requests.authorize).toBe(before)
    expect((await traces(world)).refused).toBe(refused + 1)
    expect(await lastRefusal(world)).toMatchObject({
      client_id: 'portal-a',
      detail: { failure: 'level_unmet' },
    })
  })

  test('a session of level 1 never satisfies level 2: the citizen goes to VNeID again, and the session stays at level 1', async () => {
    world.simulator.approve('kien')
    const { visitor } = await ask(world, wish('portal-a'))
    for (const [id, changes] of [
      ['portal-a', { acr_values: 'urn:vneid:2' }],
      ['portal-a', acr({ value: 'urn:vneid:2' })],
      ['only-level-2', {}],
    ] as const) {
      const trips = world.simulator.requests.authorize
      expect((await ask(world, wish(id, { ...changes, prompt: 'none' }), visitor)).heard).not.toHaveProperty(
        'code',
      )
      expect((await ask(world, wish(id, changes), visitor)).heard).toMatchObject({
        error: 'unmet_authentication_requirements',
        state: 'st-1',
      })
      expect(world.simulator.requests.authorize).toBe(trips + 1)
    }
    expect((await ask(world, wish('portal-a', { prompt: 'none' }), visitor)).heard).toHaveProperty('code')
  })

  test('a session does not admit a kind of person that the portal does not admit', async () => {
    world.simulator.approve('john')
    const { visitor } = await ask(world, wish('everybody'))
    expect((await ask(world, wish('portal-a', { prompt: 'none' }), visitor)).heard).toMatchObject({
      error: 'access_denied',
    })
    expect((await ask(world, wish('portal-a'), visitor)).heard).toMatchObject({
      error: 'access_denied',
      state: 'st-1',
    })
  })

  test('a citizen who abandons the sign-in leaves no data behind', async () => {
    world.simulator.approve('son')
    const before = await traces(world)
    const { heard, visitor } = await ask(world, wish('portal-a'))
    expect(heard).toBeUndefined()
    expect(await traces(world)).toEqual(before)
    await expectNoSession(world, visitor)
  })
})

test('if another person is refused in a browser, the session of the earlier person ends', async () => {
  for (const [refused, id, changes] of [
    ['chi', 'only-level-2', {}],
    ['nga', 'portal-a', { prompt: 'login' }],
  ] as const) {
    oidc.simulator.approve('an')
    const { visitor, heard } = await ask(oidc, wish('portal-a'))
    const { body } = await redeem(oidc, 'portal-a', heard!['code']!)
    oidc.simulator.approve(refused)
    expect((await ask(oidc, wish(id, { prompt: 'login', ...changes }), visitor)).heard).toHaveProperty(
      'error',
    )
    await expectNoSession(oidc, visitor)
    expect((await userinfo(oidc, String(body['access_token']))).status).toBe(401)
  }
})

test('a person who was disabled during a session is refused at the next portal, and that is audited', async () => {
  oidc.simulator.approve('vinh')
  const { visitor } = await ask(oidc, wish('portal-a'))
  await oidc.db.query(
    `update subject set disabled_at = now() where id = (select subject_id from audit_event where event = 'login.completed' order by id desc limit 1)`,
  )
  const before = await traces(oidc)
  const { heard } = await ask(oidc, wish('everybody'), visitor)
  expect(heard).toMatchObject({ error: 'access_denied', state: 'st-1', iss: oidc.issuer })
  expect(await traces(oidc)).toEqual({ ...before, refused: before.refused + 1 })
  expect(await lastRefusal(oidc)).toMatchObject({
    client_id: 'everybody',
    detail: { failure: 'subject_disabled' },
  })
  await expectRefusal(oidc, 'access_denied', 'subject_disabled')
})

test.each(dialects)('%s: no line of the log identifies the person', (dialect) => {
  expectSilentLog(worlds[dialect])
})
