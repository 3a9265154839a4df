/** The code that an operator types into the browser to allow a terminal. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { type Answer, type Begun, deviceGrant, openConsole } from '../support/operators/console.ts'
import { numberOf } from '../support/operators/officers.ts'
import { press } from '../support/portal.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld()
const terminal = openConsole(world)
await world.register(portalDefinition('portal'))
const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(numberOf('an')) } as const
await createOperator(
  { db: world.db, log: createLog({ level: 'silent' }), actor: 'local' },
  { id: 'an.nguyen', roles: ['viewer', 'security_officer'], citizen },
)

describe('the code', () => {
  test('makes a terminal that polls too fast slow down', async () => {
    const begun = await terminal.begin()
    expect(await terminal.poll(begun)).toMatchObject({ error: 'authorization_pending' })
    expect(await terminal.poll(begun)).toMatchObject({ error: 'slow_down' })
  })

  test('can be used once', async () => {
    const begun = await terminal.begin()
    await terminal.allow('an', begun)
    const answers = await Promise.all([terminal.poll(begun), terminal.poll(begun)])
    const tokens = answers.flatMap(({ access_token: token }) => token ?? [])
    expect(new Set(tokens).size).toBe(1)
    // Until a token is used, its answer may have got lost: the terminal polls again, and gets the same one.
    expect(await terminal.admin(tokens[0]).call('GET', '/v1/whoami')).toBeDefined()
    expect(await terminal.poll(begun)).toMatchObject({ status: 400, error: 'invalid_grant' })
    const { page } = await terminal.bring(begun)
    expect(page.body).toContain('Mã đã hết hạn hoặc đã dùng')
  })

  test('that no terminal waits for can be entered five times by one browser, not more', async () => {
    const visitor = createVisitor()
    const begun = await terminal.begin()
    for (let wrong = 0; wrong < 5; wrong++) {
      const entry = await visitor.open(begun.verification_uri)
      expect((await press(visitor, entry, { user_code: 'BCD-FGH-JKL' })).body).toContain('Mã chưa đúng')
    }
    const entry = await visitor.open(begun.verification_uri)
    expect((await press(visitor, entry, { user_code: begun.user_code })).status).toBe(429)
    // Another browser has its own attempts.
    expect((await terminal.bring(begun)).page.body).toContain(begun.user_code)
  })

  test('is counted under any name that the browser claims', async () => {
    const visitor = createVisitor()
    const begun = await terminal.begin()
    const bring = async (code: string) => {
      const entry = await visitor.open(begun.verification_uri)
      const made = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
      visitor.cookies(world.issuer).set('browser', `${made}~operator-console`)
      return press(visitor, entry, { user_code: code })
    }
    for (let wrong = 0; wrong < 5; wrong++) await bring('BCD-FGH-JKL')
    expect((await bring(begun.user_code)).status).toBe(429)
  })

  test('is not accepted from another site’s form', async () => {
    const begun: Begun = await terminal.begin()
    const visitor = createVisitor()
    await visitor.open(begun.verification_uri)
    // A browser that has visited a portal, and never this page.
    const stranger = createVisitor()
    const portal = await world.portal({ clientId: 'portal' })
    world.simulator.approve('an')
    await portal.signIn(undefined, stranger)
    stranger.cookies(world.issuer).delete('session')
    const posted = { user_code: begun.user_code, confirm: 'yes' }
    expect((await stranger.open(begun.verification_uri, { form: posted })).status).toBe(400)
    for (const xsrf of ['', 'x'.repeat(48)]) {
      const page = await visitor.open(begun.verification_uri, {
        form: { xsrf, user_code: begun.user_code, confirm: 'yes' },
      })
      expect(page.status).toBe(400)
    }
    expect(await terminal.poll(begun)).toMatchObject({ error: 'authorization_pending' })
  })

  test('expires, and both terminal and browser get that error', async () => {
    const begun = await terminal.begin()
    const { visitor, page } = await terminal.bring(begun)
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    vi.setSystemTime(Date.now() + 601_000)
    expect(await terminal.poll(begun)).toMatchObject({ error: 'expired_token' })
    expect((await press(visitor, page, { confirm: 'yes' })).body).toContain('Mã đã hết hạn')
  })
})

test('no portal may use the device grant, or request what the console requests', async () => {
  const basic = `Basic ${Buffer.from(`portal:${encodeURIComponent(secretOf('portal'))}`).toString('base64')}`
  const ask = async (path: string, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields)
    const response = await fetch(`${world.issuer}${path}`, {
      method: 'POST',
      headers: { authorization: basic },
      body,
    })
    return (await response.json()) as Answer
  }
  expect(await ask('/device/auth', { scope: 'openid' })).toMatchObject({ error: 'invalid_request' })
  const begun = await terminal.begin()
  expect(
    (await ask('/token', { grant_type: deviceGrant, device_code: begun.device_code })).error_description,
  ).toMatch(/grant type is not allowed for this client/)
  const portal = await world.portal({ clientId: 'portal', scope: 'openid operator' })
  expect((await portal.ask()).answer).toMatchObject({ error: 'invalid_scope' })
})
