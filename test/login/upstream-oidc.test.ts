import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openSimulator } from '../../src/sandbox/simulator/simulator.ts'
import type { Faults, Simulator } from '../../src/sandbox/simulator/simulator.ts'
import type { Upstream } from '../../src/upstream/upstream.ts'
import {
  clients,
  journey,
  newTransaction,
  now,
  openOidc,
  refusal,
  signIn,
  signingKey,
} from '../support/login/upstream.ts'

let vneid: Simulator
let upstream: Upstream
const open = (settings: Record<string, string>) => openOidc(vneid.issuer, settings)

beforeAll(async () => {
  vneid = await openSimulator({ clients, approve: 'an' })
  upstream = open({})
})
afterEach(() => {
  vneid.approve('an')
  vneid.tamper({})
})
afterAll(() => vneid.close())

test('a citizen comes back as an identity with number, level, name and birth date', async () => {
  const identity = await signIn(upstream)
  const an = citizenNamed('an')
  expect(identity).toMatchObject({
    kind: 'citizen',
    level: 2,
    name: an.name,
    birthDate: an.birthDate,
    gender: 'male',
  })
  expect([identity.identifier.type, identity.identifier.reveal()]).toEqual(['citizen_id', an.number])
  expect(Math.abs(identity.authenticatedAt - now())).toBeLessThan(5)
})

test('userinfo is requested only if the ID token is incomplete', async () => {
  const before = vneid.requests.userinfo
  await signIn(upstream)
  expect(vneid.requests.userinfo).toBe(before)
  vneid.tamper({ leanIdToken: true })
  expect((await signIn(upstream)).name).toBe(citizenNamed('an').name)
  expect(vneid.requests.userinfo).toBe(before + 1)
})

test('the client can authenticate with a signed assertion instead of a secret', async () => {
  const signer = open({
    UPSTREAM_CLIENT_ID: 'signer',
    UPSTREAM_CLIENT_KEY: signingKey,
    UPSTREAM_CLIENT_KEY_ID: 'k1',
  })
  expect((await signIn(signer)).kind).toBe('citizen')
})

test('the request contains state, nonce, PKCE, the requested language and level, and not the code verifier', async () => {
  const transaction = newTransaction({ maxAge: 0 })
  const levelled = open({ UPSTREAM_ACR_VALUES: '{"1":"LoA1","2":"LoA2"}' })
  const url = new URL(await levelled.begin(transaction, { level: 2, locale: 'vi' }))
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    response_type: 'code',
    scope: 'openid',
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge_method: 'S256',
    ui_locales: 'vi',
    acr_values: 'LoA2',
    max_age: '0',
    prompt: 'login',
  })
  expect(url.href).not.toContain(transaction.codeVerifier)
  const patient = new URL(await levelled.begin(newTransaction({ maxAge: 60 }), {}))
  expect([patient.searchParams.get('max_age'), patient.searchParams.get('prompt')]).toEqual(['60', null])
})

const faults: [string, Faults, RegExp][] = [
  ['an ID token with another nonce is refused', { wrongNonce: true }, /nonce/],
  ['an ID token for another audience is refused', { wrongAudience: true }, /"aud"/],
  ['an ID token of another issuer is refused', { wrongIssuer: true }, /"iss"/],
  ['an expired ID token is refused', { expiredIdToken: true }, /"exp"/],
  ['an ID token signed by an unknown key is refused', { unknownKey: true }, /signature/],
  ['an ID token with alg none is refused', { algNone: true }, /"alg"/],
  ['an answer without an ID token is refused', { noIdToken: true }, /id_token/],
  ['a callback of another issuer is refused', { wrongResponseIssuer: true }, /^callback: iss$/],
  ['claims without kind or number are refused', { missingClaims: true }, /accountType/],
]
test.each(faults)('%s', async (_promise, fault, detail) => {
  vneid.tamper(fault)
  await expect(signIn(upstream)).rejects.toMatchObject(refusal('upstream_answer_invalid', detail))
})

test('an error object contains no token, claim or parameter at any depth', async () => {
  const seen = new Set<string>()
  for (const [, fault] of faults) {
    vneid.tamper(fault)
    const error: unknown = await signIn(upstream).catch((reason: unknown) => reason)
    seen.add(inspect(error, { depth: 20, showHidden: true }))
  }
  expect(seen.size).toBe(faults.length)
  const { number, name } = citizenNamed('an')
  for (const secret of ['eyJ', number, name, 'Bearer', 'cause'])
    expect([...seen].join()).not.toContain(secret)
})

test('an ID token signed with another algorithm than the agreed one is refused', async () => {
  await expect(signIn(open({ UPSTREAM_ID_TOKEN_ALG: 'PS256' }))).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /"alg"/),
  )
})

test('userinfo of another sub is refused', async () => {
  vneid.tamper({ leanIdToken: true, wrongUserinfoSub: true })
  await expect(signIn(upstream)).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /^userinfo: .*"sub"/),
  )
})

test('a number that is malformed is refused and not repeated', async () => {
  vneid.approve('tam')
  await expect(signIn(upstream)).rejects.toMatchObject(refusal('identifier_malformed'))
})

test('a citizen who declines is reported as such', async () => {
  vneid.approve('quyen')
  await expect(signIn(upstream)).rejects.toMatchObject(
    refusal('upstream_refused', /^callback: access_denied$/),
  )
})

test('an authentication that is too old is refused', async () => {
  vneid.tamper({ staleAuthTime: true })
  await expect(signIn(upstream, newTransaction({ maxAge: 0 }))).rejects.toMatchObject(
    refusal('upstream_authentication_stale'),
  )
  await expect(signIn(upstream, newTransaction({ maxAge: 3600 }))).rejects.toMatchObject(
    refusal('upstream_authentication_stale'),
  )
  const old = await signIn(upstream, newTransaction({ maxAge: 90_000 }))
  expect(Math.abs(old.authenticatedAt - (now() - 86_400))).toBeLessThan(5)
  vneid.tamper({ noAuthTime: true })
  await expect(signIn(upstream, newTransaction({ maxAge: 3600 }))).rejects.toMatchObject(
    refusal('upstream_authentication_stale'),
  )
  await expect(signIn(upstream)).resolves.toMatchObject({ kind: 'citizen' })
})

test('a session that VNeID had before the trip does not count as a new authentication', async () => {
  // The trip begins, in our clock, a minute after the citizen authenticated.
  const transaction = newTransaction({ maxAge: 0, begunAt: now() + 60 })
  await expect(signIn(upstream, transaction)).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /^id_token: iat$/),
  )
})

test('a callback of another trip, without state, or with a parameter twice is refused', async () => {
  const transaction = newTransaction()
  const query = await journey(upstream, transaction)
  const complete = (given: string) => upstream.complete(given, transaction)
  await expect(upstream.complete(query, newTransaction())).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /state/),
  )
  await expect(complete(query.replace(/state=[^&]+/, ''))).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /state/),
  )
  await expect(complete(`${query}&state=${transaction.state}`)).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /state given twice/),
  )
  await expect(complete(`${query}&code=other`)).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /code given twice/),
  )
  await expect(complete(query.replace(/code=[^&]+/, ''))).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /code/),
  )
  await expect(complete(`%zz&${query}`)).rejects.toMatchObject(refusal('upstream_answer_invalid'))
  await expect(complete('')).rejects.toMatchObject(refusal('upstream_answer_invalid', /state/))
  // None of these attempts has spent the code.
  expect((await complete(query)).kind).toBe('citizen')
})

test('a code can be exchanged once, and only with the verifier of its trip', async () => {
  const transaction = newTransaction()
  const query = await journey(upstream, transaction)
  const other = { ...transaction, codeVerifier: newTransaction().codeVerifier }
  await expect(upstream.complete(query, other)).rejects.toMatchObject(
    refusal('upstream_rejected_us', /invalid_grant/),
  )
  await expect(upstream.complete(query, transaction)).rejects.toMatchObject(
    refusal('upstream_rejected_us', /invalid_grant/),
  )
})

test('errors of the callback are attributed to the citizen, VNeID or us, and unknown words are not repeated', async () => {
  const transaction = newTransaction()
  const state = `state=${transaction.state}&iss=${encodeURIComponent(vneid.issuer)}`
  const errors = [
    ['login_required', 'upstream_authentication_stale'],
    ['interaction_required', 'upstream_authentication_stale'],
    ['temporarily_unavailable', 'upstream_unavailable'],
    ['server_error', 'upstream_unavailable'],
    ['unauthorized_client', 'upstream_rejected_us'],
    ['anything_else', 'upstream_refused'],
    ['constructor', 'upstream_refused'],
    ['%3Cscript%3E', 'upstream_answer_invalid'],
  ] as const
  for (const [error, code] of errors) {
    await expect(upstream.complete(`error=${error}&${state}`, transaction)).rejects.toMatchObject(
      refusal(code, /^callback: [a-z_ ]+$/),
    )
  }
})

test('a client secret that VNeID does not know is our fault, not the citizen’s', async () => {
  await expect(signIn(open({ UPSTREAM_CLIENT_SECRET: 'wrong' }))).rejects.toMatchObject(
    refusal('upstream_rejected_us'),
  )
})

test('a token or userinfo endpoint that fails or hangs is reported as an outage', async () => {
  const hasty = open({ UPSTREAM_TIMEOUT: '0.2' })
  vneid.tamper({ tokenError: true })
  await expect(signIn(hasty)).rejects.toMatchObject(refusal('upstream_unavailable', /status 500/))
  vneid.tamper({ tokenHangs: true })
  await expect(signIn(hasty)).rejects.toMatchObject(refusal('upstream_unavailable', /timeout/))
  vneid.tamper({ leanIdToken: true, userinfoError: true })
  await expect(signIn(hasty)).rejects.toMatchObject(refusal('upstream_unavailable', /status 500/))
  vneid.tamper({ leanIdToken: true, userinfoHangs: true })
  await expect(signIn(hasty)).rejects.toMatchObject(refusal('upstream_unavailable', /timeout/))
})
