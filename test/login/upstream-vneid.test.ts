import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openSimulator } from '../../src/sandbox/simulator/simulator.ts'
import type { Faults, Simulator } from '../../src/sandbox/simulator/simulator.ts'
import { openUpstream } from '../../src/upstream/open.ts'
import type { Upstream } from '../../src/upstream/upstream.ts'
import {
  clients,
  issuer,
  journey,
  newTransaction,
  now,
  openVneid,
  refusal,
  signIn,
  upstreamConfig,
} from '../support/login/upstream.ts'

describe.each(['ecb', 'cbc', 'none'] as const)('envelope %s', (mode) => {
  let vneid: Simulator
  let upstream: Upstream
  beforeAll(async () => {
    vneid = await openSimulator({ clients, approve: 'an', envelope: mode })
    upstream = openVneid(vneid.url, { UPSTREAM_ENVELOPE: mode })
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
  })

  test('every trip is a new authentication, so any requested age is met', async () => {
    const identity = await signIn(upstream, newTransaction({ maxAge: 0 }))
    expect(Math.abs(identity.authenticatedAt - now())).toBeLessThan(5)
  })

  test('a number that is malformed is refused and not repeated', async () => {
    vneid.approve('tam')
    await expect(signIn(upstream)).rejects.toMatchObject(refusal('identifier_malformed'))
  })

  test('claims without kind or number are refused', async () => {
    vneid.tamper({ missingClaims: true })
    await expect(signIn(upstream)).rejects.toMatchObject(refusal('upstream_answer_invalid', /accountType/))
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
    // None of these attempts has spent the code; this one does.
    expect((await complete(query)).kind).toBe('citizen')
    await expect(complete(query)).rejects.toMatchObject(
      refusal('upstream_rejected_us', /^token: invalid_grant$/),
    )
  })

  test('a citizen who declines is reported as such', async () => {
    vneid.approve('quyen')
    await expect(signIn(upstream)).rejects.toMatchObject(
      refusal('upstream_refused', /^callback: access_denied$/),
    )
  })

  test('a token or userinfo endpoint that fails or hangs is reported as an outage', async () => {
    const hasty = openVneid(vneid.url, { UPSTREAM_ENVELOPE: mode, UPSTREAM_TIMEOUT: '0.2' })
    const outages: Faults[] = [
      { tokenError: true },
      { tokenHangs: true },
      { userinfoError: true },
      { userinfoHangs: true },
    ]
    for (const outage of outages) {
      vneid.tamper(outage)
      await expect(signIn(hasty)).rejects.toMatchObject(refusal('upstream_unavailable', /status 500|timeout/))
    }
  })

  test('the upstream is ready while the host answers, and logout redirects to VNeID and back', async () => {
    await upstream.ready()
    const away = (await upstream.end({ state: 's1', returnTo: `${issuer}/logged-out` })) ?? ''
    const back = await fetch(away, { redirect: 'manual' })
    expect(back.headers.get('location')).toBe(`${issuer}/logged-out?state=s1`)
    await expect(openVneid('http://127.0.0.1:1', { UPSTREAM_ENVELOPE: mode }).ready()).rejects.toMatchObject(
      refusal('upstream_unavailable', /ECONNREFUSED/),
    )
  })
})

test('an encrypted code is refused if no envelope is configured', async () => {
  const transaction = newTransaction()
  const query = `code=c&state=${transaction.state}&encrypt_key=AAAA`
  const upstream = openVneid('http://127.0.0.1:1', { UPSTREAM_ENVELOPE: 'none' })
  await expect(upstream.complete(query, transaction)).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /encrypt_key/),
  )
})

test('answers that violate the contract are refused', async () => {
  let token: { status?: number; body: string } = { body: '{}' }
  let userinfo = '{}'
  const server = createServer((request, response) => {
    const { status = 200, body } = request.url === '/token' ? token : { body: userinfo }
    response
      .writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/' })
      .end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const upstream = openVneid(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    UPSTREAM_ENVELOPE: 'none',
  })
  const attempt = () => {
    const transaction = newTransaction()
    return upstream.complete(`code=c&state=${transaction.state}`, transaction)
  }
  for (const body of [
    '',
    'null',
    '[]',
    '<html>',
    '{"access_token":""}',
    '{"access_token":"a b"}',
    '{"access_token":1}',
    '{"access_token":"a","token_type":"mac"}',
  ]) {
    token = { body }
    await expect(attempt()).rejects.toMatchObject(refusal('upstream_answer_invalid', /^token: /))
  }
  token = { status: 302, body: '{"access_token":"a"}' }
  await expect(attempt()).rejects.toMatchObject(refusal('upstream_answer_invalid', /^token: status 302$/))
  token = { status: 429, body: '' }
  await expect(attempt()).rejects.toMatchObject(refusal('upstream_unavailable', /^token: status 429$/))
  token = { body: '{"access_token":"a","token_type":"bearer"}' }
  for (userinfo of ['null', '[]', '"a"', '{"accountType":'])
    await expect(attempt()).rejects.toMatchObject(refusal('upstream_answer_invalid', /^userinfo: /))
  userinfo = '{"accountType":1,"accountLevel":2,"citizenPid":"001085999901"}'
  expect(await attempt()).toMatchObject({ kind: 'citizen', level: 2 })
  server.closeAllConnections()
  server.close()
})

test('the dialect is a setting', async () => {
  const direct = openUpstream(
    upstreamConfig({
      UPSTREAM_DIALECT: 'vneid',
      UPSTREAM_CLIENT_SECRET: 's',
      UPSTREAM_AUTHORIZATION_ENDPOINT: 'https://sso.example/auth?tenant=1',
      UPSTREAM_TOKEN_ENDPOINT: 'https://sso.example/token',
      UPSTREAM_USERINFO_ENDPOINT: 'https://sso.example/userinfo',
      UPSTREAM_ENVELOPE: 'none',
      UPSTREAM_ACR_VALUES: '{"1":"LoA1","2":"LoA2"}',
    }),
  )
  const url = new URL(await direct.begin(newTransaction({ state: 's+1' }), { level: 1, locale: 'en' }))
  expect(Object.fromEntries(url.searchParams)).toEqual({
    tenant: '1',
    response_type: 'code',
    client_id: 'broker',
    redirect_uri: `${issuer}/callback`,
    scope: 'openid',
    state: 's+1',
    acr_values: 'LoA1',
  })
  expect(await direct.end({ state: 's', returnTo: issuer })).toBeUndefined()
})
