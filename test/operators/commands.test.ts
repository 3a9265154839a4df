import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { expect, inject, onTestFinished, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { beginCommand, openFolder, runCommandLine } from '../support/operators/command-line.ts'
import { emptySettings, startEmpty } from '../support/operators/empty-broker.ts'
import { newNumber } from '../support/operators/operators.ts'
import { press } from '../support/portal.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld } from '../support/world.ts'

const folder = openFolder()
const environment = await emptySettings()
const keyFile = (id: string) => join(folder, `${id}.json`)
const cli = (args: readonly string[], env = environment, input?: string) => runCommandLine(args, env, input)
const create = (id: string, role: string) =>
  cli(['operator', 'create', id, '--role', role, '--key', keyFile(id)])
const written = (id: string) =>
  JSON.parse(readFileSync(keyFile(id), 'utf8')) as { operator: string; audience: string; key: JWK }

test('the first operator is created in the database, and then uses the API', async () => {
  expect((await cli(['migrate'])).code).toBe(0)
  expect((await cli(['keys', 'generate'])).code).toBe(0)
  const first = await create('first.officer', 'security_officer,viewer')
  expect(first).toMatchObject({ code: 0 })
  expect(first.out).toContain('created first.officer, a machine (viewer, security_officer)')
  expect(statSync(keyFile('first.officer')).mode & 0o777).toBe(0o600)
  const file = written('first.officer')
  expect(file).toMatchObject({ operator: 'first.officer', audience: 'https://sso.example.gov.vn/admin' })
  expect(first.out + first.err).not.toContain(file.key.d)
  expect(first.err).toContain('"operator.created"')

  const again = await create('first.officer', 'viewer')
  expect(again).toMatchObject({ code: 1 })
  expect(written('first.officer')).toEqual(file)
  // The same id with another file: the file is removed again.
  const elsewhere = join(folder, 'elsewhere.json')
  const taken = await cli(['operator', 'create', 'first.officer', '--role', 'viewer', '--key', elsewhere])
  expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('state_conflict') })
  expect(existsSync(elsewhere)).toBe(false)
  expect(await create('machine', 'mapping_officer')).toMatchObject({ code: 0 })

  const broker = await startEmpty(environment)
  // Only these two settings: a client has neither the broker's settings nor its database.
  const as = (id: string) => ({ ADMIN_URL: broker.adminUrl, OPERATOR_KEY_FILE: keyFile(id) })
  expect(await cli(['operator', 'whoami'], as('first.officer'))).toEqual({
    code: 0,
    out: 'first.officer  viewer,security_officer\n',
    err: '',
  })
  const list = await cli(['operator', 'list'], as('first.officer'))
  expect(list.out).toMatch(
    /^first\.officer +machine +viewer,security_officer {2}seen 2.*\nmachine +machine +mapping_officer {2}seen never\n$/,
  )
  const forbidden = await cli(['operator', 'list'], as('machine'))
  expect(forbidden).toMatchObject({ code: 1, out: '' })
  expect(forbidden.err).toMatch(
    /^failed: forbidden: needs the role security_officer or auditor \(reference [0-9A-Z]{10}\)\n$/,
  )
  const disable = ['operator', 'disable', 'machine', '--reason', 'replaced by another']
  expect(await cli(disable, as('first.officer'))).toEqual({ code: 0, out: 'disabled machine\n', err: '' })
  expect((await cli(['operator', 'whoami'], as('machine'))).err).toMatch(
    /^failed: unauthenticated \(reference/,
  )
  expect((await cli(['operator', 'list'], as('first.officer'))).out).toMatch(/machine .* disabled 2/)
  await broker.stop()
  expect(await cli(['operator', 'whoami'], as('first.officer'))).toMatchObject({
    code: 1,
    err: `failed: the admin API at ${broker.adminUrl} does not answer\n`,
  })
})

test('a wrong call creates no operator and no file, and says what is wrong', async () => {
  for (const [args, complaint] of [
    [['--role', 'viewer'], 'the ID is missing'],
    [['some.body', '--key', keyFile('some.body')], '--role is missing'],
    [['some.body', '--role', 'viewer'], '--key is missing'],
    [
      ['some.body', '--role', 'viewer,root', '--key', keyFile('some.body')],
      'the roles must be one or more of viewer, ',
    ],
    [
      ['system', '--role', 'viewer', '--key', keyFile('some.body')],
      'the ID must not be one of citizen, system, local, operator, portal, sandbox',
    ],
    [['some.body', '--role', 'viewer', '--citizen', '--machine'], 'one of --citizen, --machine'],
  ] as const) {
    const { code, err } = await cli(['operator', 'create', ...args])
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain(complaint)
    expect(err).toContain('usage: npm run cli')
  }
  expect(existsSync(keyFile('some.body'))).toBe(false)
})

test('a client names its missing settings, and never prints a key', async () => {
  expect(await cli(['operator', 'whoami'], { OPERATOR_SESSION_FILE: join(folder, 'none') })).toMatchObject({
    code: 1,
    err: 'not signed in: run "operator sign-in", or set OPERATOR_KEY_FILE\n',
  })
  const secret = 'not-json-but-secret-all-the-same'
  writeFileSync(join(folder, 'broken'), secret)
  const { code, err } = await cli(['operator', 'whoami'], {
    ADMIN_URL: 'http://admin.example.gov.vn',
    OPERATOR_KEY_FILE: join(folder, 'broken'),
  })
  expect(code).toBe(1)
  expect(err).toContain('ADMIN_URL must be https (http only on loopback)')
  expect(err).toContain('OPERATOR_KEY must be JSON')
  expect(err).not.toContain(secret)
})

/** The issuer states its polling interval (RFC 8628 §3.2); ours uses the default of five seconds. */
function pollOften(): void {
  const send = globalThis.fetch
  globalThis.fetch = async (...request) => {
    const response = await send(...request)
    if (!response.url.endsWith('/device/auth')) return response
    return Response.json({ ...((await response.json()) as object), interval: 0.3 })
  }
  onTestFinished(() => void (globalThis.fetch = send))
}

const withoutServer = inject('databaseUrl') === undefined
test.skipIf(withoutServer)(
  'a person signs in on the command line, works without a key, and signs out',
  async () => {
    const world = await openWorld()
    const session = join(folder, 'state', 'operator.json')
    const as = { ISSUER: world.issuer, ADMIN_URL: world.adminUrl, OPERATOR_SESSION_FILE: session }
    const [number, colleague] = [citizenNamed('an').number, newNumber()]
    const local = (args: string[], input: string) => cli(args, { ...world.settings }, input)
    const created = await local(
      ['operator', 'create', 'an.nguyen', '--role', 'security_officer,auditor', '--citizen'],
      number,
    )
    expect(created).toMatchObject({ code: 0, out: expect.stringContaining('created an.nguyen, a person') })
    expect(created.out + created.err).not.toContain(number)
    expect(
      await local(['operator', 'create', 'twice', '--role', 'viewer', '--citizen'], number),
    ).toMatchObject({
      code: 1,
      err: expect.stringContaining('state_conflict'),
    })

    pollOften()
    const signIn = beginCommand(['operator', 'sign-in'], as)
    const [, address = '', code = ''] = await signIn.printed(/open (\S+)\nand compare the code: (\S+)/)
    world.simulator.approve('an')
    const visitor = createVisitor()
    const confirm = await press(visitor, await visitor.open(address), { user_code: code })
    await press(visitor, confirm, { confirm: 'yes' })
    expect(await signIn.ended).toMatchObject({ code: 0, err: '' })
    expect(statSync(session).mode & 0o777).toBe(0o600)
    const kept = () => JSON.parse(readFileSync(session, 'utf8')) as Record<string, string | number>
    recordSecrets([String(kept()['access_token']), String(kept()['refresh_token'])])

    expect(await cli(['operator', 'whoami'], as)).toEqual({
      code: 0,
      out: 'an.nguyen  auditor,security_officer\n',
      err: '',
    })
    // Two simultaneous commands renew an expired token with one request.
    writeFileSync(session, JSON.stringify({ ...kept(), expires_at: 0 }))
    const both = await Promise.all([cli(['operator', 'list'], as), cli(['operator', 'whoami'], as)])
    expect(both.map(({ code: exit }) => exit)).toEqual([0, 0])
    recordSecrets([String(kept()['access_token']), String(kept()['refresh_token'])])

    const add = await cli(
      ['operator', 'add', 'binh.tran', '--role', 'security_officer', '--citizen'],
      as,
      colleague,
    )
    expect(add).toEqual({ code: 0, out: 'created binh.tran\n', err: '' })
    const machine = ['operator', 'add', 'robot', '--role', 'viewer', '--machine', '--key', keyFile('robot')]
    const held = await cli(machine, as)
    expect(held.out).toMatch(/^waits for a second person: [\w-]{36}; its key is in /)
    expect(written('robot')).toMatchObject({ operator: 'robot', audience: `${world.issuer}/admin` })
    const [, approval = ''] = /person: ([\w-]{36})/.exec(held.out) ?? []
    expect((await cli(['approval', 'list'], as)).out).toContain(`${approval}  operator.create  by an.nguyen`)
    expect((await cli(['approval', 'approve', approval], as)).err).toContain('second_person_needed')
    expect(await cli(['approval', 'decline', approval], as)).toMatchObject({
      code: 0,
      out: `declined ${approval}\n`,
    })
    expect((await cli(['operator', 'roles', 'binh.tran', 'viewer'], as)).out).toMatch(
      /^waits for a second person/,
    )
    expect((await cli(['operator', 'key', 'an.nguyen', '--key', keyFile('an')], as)).out).toMatch(/^waits/)
    expect((await cli(['operator', 'key', 'binh.tran', '--key', keyFile('binh')], as)).err).toContain(
      'forbidden',
    )
    expect(existsSync(keyFile('binh'))).toBe(false)
    expect((await cli(['operator', 'number', 'binh.tran'], as, newNumber())).out).toMatch(/^waits/)
    expect((await cli(['operator', 'disable', 'binh.tran', '--reason', 'left'], as)).code).toBe(0)
    expect((await cli(['operator', 'enable', 'binh.tran', '--reason', 'back'], as)).out).toMatch(/^waits/)

    const csv = await cli(['operator', 'review', '--csv'], as)
    expect(csv.out).toMatch(/^"id","kind","roles"/)
    const report = await cli(['operator', 'review'], as)
    const [, moment = ''] = /operator review confirm (\S+)/.exec(report.out) ?? []
    expect(await cli(['operator', 'review', 'confirm', moment], as)).toMatchObject({ code: 0 })
    expect(JSON.parse((await cli(['operator', 'review', '--json'], as)).out)).toMatchObject({ since: moment })

    const before = kept()
    expect(await cli(['operator', 'sign-out'], as)).toEqual({ code: 0, out: 'signed out\n', err: '' })
    expect(existsSync(session)).toBe(false)
    expect((await cli(['operator', 'whoami'], as)).err).toContain('not signed in')
    writeFileSync(session, JSON.stringify(before))
    expect((await cli(['operator', 'whoami'], as)).err).toContain('unauthenticated')

    // The last officer is disabled: only a person with database access can enable an officer again.
    await world.db.query(
      `update operator set disabled_at = now(), disabled_by = 'system', disabled_reason = 'idle'`,
    )
    expect(await local(['operator', 'restore', 'an.nguyen'], '')).toMatchObject({
      code: 0,
      out: 'enabled an.nguyen\n',
    })
    expect((await local(['operator', 'restore', 'binh.tran'], '')).err).toContain('state_conflict')
  },
)
