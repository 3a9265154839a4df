/** A person signs in with VNeID from a terminal, and gets access if an operator has this number. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../src/vocabulary.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { type Answer, deviceGrant, openConsole } from '../support/operators/console.ts'
import { numberOf, refusal } from '../support/operators/officers.ts'
import { press } from '../support/portal.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

let world: World
let terminal: ReturnType<typeof openConsole>
const log = createLog({ level: 'silent' })

const bind = (id: string, citizen: string, ...roles: Role[]) =>
  createOperator(
    { db: world.db, log, actor: 'local' },
    { id, roles, citizen: { type: 'citizen_id', keys: world.citizenKeysOf(numberOf(citizen)) } },
  )
const whoami = (token: string | undefined) => terminal.admin(token).call('GET', '/v1/whoami')
const isOut = async (token: string | undefined) =>
  expect(await refusal(whoami(token))).toMatchObject({ status: 401, code: 'unauthenticated' })
const subjects = async () => (await world.db.query('select 1 from subject')).length

beforeAll(async () => {
  world = await openWorld()
  terminal = openConsole(world)
  await world.register(portalDefinition('portal'))
  await bind('an.nguyen', 'an', 'viewer', 'security_officer')
  await bind('chi.le', 'chi', 'viewer')
  await bind('dung.pham', 'dung', 'viewer')
})

describe('an operator who is a person', () => {
  test('allows the terminal in a browser, with VNeID, and works with the tokens', async () => {
    const begun = await terminal.begin()
    expect(begun).toMatchObject({ expires_in: 600, verification_uri: `${world.issuer}/device` })
    expect(begun.user_code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{3}-[B-DF-HJ-NP-TV-XZ]{3}-[B-DF-HJ-NP-TV-XZ]{3}$/)
    expect(await terminal.poll(begun)).toMatchObject({ status: 400, error: 'authorization_pending' })

    world.simulator.approve('an')
    const visitor = createVisitor()
    const entry = await visitor.open(begun.verification_uri_complete)
    expect(entry.body).toContain(`value="${begun.user_code}"`)
    expect(entry.body).not.toMatch(/<script/)
    const confirm = await press(visitor, entry, {
      user_code: begun.user_code.toLowerCase().replaceAll('-', ' '),
    })
    expect(confirm.body).toContain(begun.user_code)
    expect(confirm.body).toContain('điều khiển hệ thống')
    expect(confirm.body).toContain('lừa đảo')
    const done = await press(visitor, confirm, { confirm: 'yes' })
    expect(done.body).toContain('Máy đã được phép')
    expect(visitor.steps.some(({ url }) => url.startsWith(`${world.simulator.issuer}/oidc/authorize`))).toBe(
      true,
    )

    const tokens = await terminal.poll(begun)
    expect(tokens).toMatchObject({ status: 200, scope: 'operator', expires_in: 600 })
    // No data about the person leaves the broker.
    expect(tokens.id_token).toBeUndefined()
    expect(await whoami(tokens.access_token)).toEqual({
      id: 'an.nguyen',
      kind: 'person',
      roles: ['viewer', 'security_officer'],
    })
    const [seen] = await world.db.query<{ detail: object }>(
      `select detail from audit_event where event = 'operator.signed_in' and actor = 'an.nguyen'`,
    )
    expect(seen).toBeDefined()
  })

  test('gets new tokens with a refresh token that can be used once', async () => {
    const first = await terminal.signIn('an')
    const second = await terminal.refresh(first.refresh_token)
    expect(second.status).toBe(200)
    expect(await whoami(second.access_token)).toMatchObject({ id: 'an.nguyen' })
    expect(await terminal.refresh(first.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    // The token was used twice, so it may be stolen: the whole grant ends.
    await isOut(second.access_token)
  })

  test('can sign out, and then no token is valid', async () => {
    const { access_token: token, refresh_token: refresh = '' } = await terminal.signIn('an')
    expect((await terminal.post('/token/revocation', { token: refresh })).status).toBe(200)
    await isOut(token)
    expect(await terminal.refresh(refresh)).toMatchObject({ error: 'invalid_grant' })
  })

  test('goes to VNeID each time, although the browser has a session', async () => {
    const visitor = createVisitor()
    const trips = () =>
      visitor.steps.filter(({ url }) => url.startsWith(`${world.simulator.issuer}/oidc/authorize`))
    for (let count = 1; count <= 2; count++) {
      expect((await terminal.signIn('an', visitor)).status).toBe(200)
      expect(trips()).toHaveLength(count)
    }
    expect(trips().every(({ url }) => new URL(url).searchParams.get('prompt') === 'login')).toBe(true)
  })

  test.each([
    [
      'the operator is disabled',
      `update operator set disabled_at = now(), disabled_by = 'x', disabled_reason = 'x'`,
    ],
    [
      'the operator is idle',
      `update operator set created_at = now() - interval '46 days', last_seen_at = null`,
    ],
  ])('is out at once when %s', async (_, change) => {
    await world.db.query(
      `update operator set disabled_at = null, disabled_by = null, disabled_reason = null, created_at = now()
       where id = 'dung.pham'`,
    )
    const { access_token: token } = await terminal.signIn('dung')
    expect(await whoami(token)).toMatchObject({ id: 'dung.pham' })
    await world.db.query(`${change} where id = 'dung.pham'`)
    await isOut(token)
    expect(await terminal.signIn('dung')).toMatchObject({ error: 'access_denied' })
  })

  test.each([
    ['the subject is disabled', 'update subject set disabled_at = now() where id = $1'],
    ['the number is cancelled', 'update identifier set valid_to = now() where subject_id = $1'],
  ])('is out at once when %s', async (_, change) => {
    const citizen = change.includes('subject set') ? 'giang' : 'khoi'
    await bind(`${citizen}.x`, citizen, 'viewer')
    const { access_token: token } = await terminal.signIn(citizen)
    expect(await whoami(token)).toMatchObject({ id: `${citizen}.x` })
    const [row] = await world.db.query<{ id: string }>(
      `select i.subject_id as id from identifier_key k join identifier i on i.id = k.identifier_id
       where k.key = any($1::bytea[])`,
      [world.citizenKeysOf(numberOf(citizen))],
    )
    await world.db.query(change, [row!.id])
    await isOut(token)
  })

  test('loses access at once when the number belongs to another person', async () => {
    await bind('hoa.x', 'hoa', 'viewer')
    const { access_token: token } = await terminal.signIn('hoa')
    await world.db.query(
      `update operator_citizen_key set key = decode(repeat('00', 32), 'hex') where operator_id = 'hoa.x'`,
    )
    await isOut(token)
  })

  test('is the only one to lose access at once when the subject gets another operator’s number', async () => {
    await bind('lan.x', 'binh', 'viewer')
    await bind('minh.x', 'dai', 'security_officer')
    const { access_token: token, refresh_token: refresh } = await terminal.signIn('binh')
    expect(await whoami(token)).toMatchObject({ id: 'lan.x' })
    await world.db.query(`update identifier_key set key = $1 where key = any($2::bytea[])`, [
      world.citizenKeysOf(numberOf('dai'))[0],
      world.citizenKeysOf(numberOf('binh')),
    ])
    await isOut(token)
    await isOut((await terminal.refresh(refresh)).access_token)
    // Other tests check these.
    await world.db.query(`delete from identifier_key where key = any($1::bytea[])`, [
      world.citizenKeysOf(numberOf('dai')),
    ])
    await world.db.query(`delete from operator_citizen_key where operator_id in ('lan.x', 'minh.x')`)
  })

  test('cannot use a token without a proof of the key that the token is bound to', async () => {
    const begun = await terminal.begin()
    await terminal.allow('an', begun)
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const proof = async (nonce?: string) =>
      new SignJWT({
        htm: 'POST',
        htu: `${world.issuer}/token`,
        jti: crypto.randomUUID(),
        ...(nonce && { nonce }),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .setIssuedAt()
        .sign(privateKey)
    const body = {
      client_id: 'operator-console',
      grant_type: deviceGrant,
      device_code: begun.device_code,
    }
    const ask = async (nonce?: string) =>
      fetch(`${world.issuer}/token`, {
        method: 'POST',
        headers: { dpop: await proof(nonce) },
        body: new URLSearchParams(body),
      })
    let response = await ask()
    const nonce = response.headers.get('dpop-nonce')
    if (response.status !== 200 && nonce !== null) response = await ask(nonce)
    const answer = (await response.json()) as Answer & { token_type: string }
    recordSecrets([answer.access_token, answer.refresh_token])
    expect(answer.token_type).toBe('DPoP')
    await isOut(answer.access_token)
  })

  test('signs out of all terminals that one session of the browser has allowed', async () => {
    const visitor = createVisitor()
    const [first, second] = [await terminal.signIn('an', visitor), await terminal.signIn('an', visitor)]
    const elsewhere = await terminal.signIn('an')
    await terminal.post('/token/revocation', { token: first.refresh_token ?? '' })
    await isOut(first.access_token)
    await isOut(second.access_token)
    expect(await whoami(elsewhere.access_token)).toMatchObject({ id: 'an.nguyen' })
  })

  test('is recognised under a new index key after the next sign-in', async () => {
    const keys = () => world.db.query(`select key from operator_citizen_key where operator_id = 'an.nguyen'`)
    expect(await keys()).toHaveLength(1)
    const [old] = world.settings['INDEX_KEYS']!.split(',')
    await world.restart({ INDEX_KEYS: `${Buffer.alloc(32, 7).toString('base64url')},${old}` })
    expect((await terminal.signIn('an')).status).toBe(200)
    expect(await keys()).toHaveLength(2)
  })
})

describe('no other person or portal has access', () => {
  test('the pages do not identify a person by posted data', async () => {
    const before = await subjects()
    const fields = {
      login: 'an',
      citizenPid: numberOf('an'),
      accountId: 'an.nguyen',
      password: '123456',
      confirm: 'yes',
    }
    for (const path of ['/device', '/device/auth', '/device/abcdefghijklmnopqrstu'])
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const body = method === 'GET' ? {} : { body: new URLSearchParams(fields) }
        const reply = await fetch(`${world.issuer}${path}`, { method, ...body })
        expect([path, method, reply.status]).toEqual([
          path,
          method,
          expect.toBeOneOf(path === '/device' && method === 'GET' ? [200] : [400, 401, 404]),
        ])
      }
    expect(await subjects()).toBe(before)
  })

  test('an unknown person sees a refusal, gets no token, and no subject is created', async () => {
    const before = await subjects()
    const begun = await terminal.begin()
    const page = await terminal.allow('binh', begun)
    expect(page.status).toBe(403)
    expect(page.body).toContain('operator_unknown')
    expect(await terminal.poll(begun)).toMatchObject({ status: 400, error: 'access_denied' })
    expect(await subjects()).toBe(before)
  })

  test('an operator of level 1 is refused', async () => {
    const begun = await terminal.begin()
    const page = await terminal.allow('chi', begun)
    expect(page.body).toContain('level_unmet')
    expect(await terminal.poll(begun)).toMatchObject({ error: 'unmet_authentication_requirements' })
  })

  test('cancelling on the page stops the terminal', async () => {
    const begun = await terminal.begin()
    const { visitor, page } = await terminal.bring(begun)
    expect((await press(visitor, page, { abort: 'yes' })).body).toContain('Đã dừng')
    expect(await terminal.poll(begun)).toMatchObject({ error: 'access_denied' })
  })

  test('a portal’s token is refused at the admin API, with any scope', async () => {
    const portal = await world.portal({ clientId: 'portal' })
    world.simulator.approve('an')
    const { tokens } = await portal.signIn()
    await isOut(tokens.access_token)
    await isOut(tokens.refresh_token)
    await isOut(tokens.id_token)
  })

  test('an operator’s token gives no data at the portals’ API or at userinfo', async () => {
    const { access_token: token = '' } = await terminal.signIn('an')
    const headers = { authorization: `Bearer ${token}` }
    const userinfo = await fetch(`${world.issuer}/me`, { headers })
    expect([401, 403]).toContain(userinfo.status)
    const accounts = await fetch(`${world.issuer}/legacy-accounts/abc/primary`, { method: 'POST', headers })
    expect([400, 401, 403]).toContain(accounts.status)
  })
})
