import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { afterAll, expect, test } from 'vitest'
import { startBroker } from './support/broker-process.ts'
import { recordSecrets } from './support/record.ts'

const folder = mkdtempSync(join(tmpdir(), 'broker-operators-'))
afterAll(() => rmSync(folder, { recursive: true }))
const newKey = () => randomBytes(32).toString('base64url')
const environment: Record<string, string> = {
  ISSUER: 'https://sso.example.gov.vn',
  DATABASE_URL: `embedded:${join(folder, 'data')}`,
  STATE_URL: 'memory:',
  SEAL_KEYS: newKey(),
  INDEX_KEYS: newKey(),
  COOKIE_KEYS: newKey(),
  PAIRWISE_KEY: newKey(),
  UPSTREAM_DIALECT: 'oidc',
  UPSTREAM_ISSUER: 'http://127.0.0.1:9',
  UPSTREAM_CLIENT_ID: 'broker',
  UPSTREAM_CLIENT_SECRET: 'a-secret-that-is-never-printed',
}
const keyFile = (id: string) => join(folder, `${id}.json`)
const cli = (args: string[], env: Record<string, string> = environment) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, ['src/cli.ts', ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
const create = (id: string, role: string) =>
  cli(['operator', 'create', id, '--role', role, '--key', keyFile(id)])
const written = (id: string) =>
  JSON.parse(readFileSync(keyFile(id), 'utf8')) as { operator: string; audience: string; key: JWK }

test('the first operator is made on the database, and works through the API from then on', async () => {
  expect((await cli(['migrate'])).code).toBe(0)
  const first = await create('first.officer', 'security_officer,viewer')
  expect(first).toMatchObject({ code: 0 })
  expect(first.out).toContain('created first.officer (viewer, security_officer)')
  expect(statSync(keyFile('first.officer')).mode & 0o777).toBe(0o600)
  const file = written('first.officer')
  recordSecrets([file.key.d])
  expect(file).toMatchObject({ operator: 'first.officer', audience: 'https://sso.example.gov.vn/admin' })
  expect(first.out + first.err).not.toContain(file.key.d)
  expect(first.err).toContain('"operator.created"')

  const again = await create('first.officer', 'viewer')
  expect(again).toMatchObject({ code: 1 })
  expect(written('first.officer')).toEqual(file)
  // The same id with another file: the file is not left behind.
  const elsewhere = join(folder, 'elsewhere.json')
  const taken = await cli(['operator', 'create', 'first.officer', '--role', 'viewer', '--key', elsewhere])
  expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('state_conflict') })
  expect(existsSync(elsewhere)).toBe(false)
  expect(await create('machine', 'mapping_officer')).toMatchObject({ code: 0 })
  recordSecrets([written('machine').key.d])

  const broker = await startBroker(environment)
  // Nothing but these two: a client has neither the broker's settings nor its database.
  const as = (id: string) => ({ ADMIN_URL: broker.adminUrl, OPERATOR_KEY_FILE: keyFile(id) })
  expect(await cli(['operator', 'whoami'], as('first.officer'))).toEqual({
    code: 0,
    out: 'first.officer  viewer,security_officer\n',
    err: '',
  })
  const list = await cli(['operator', 'list'], as('first.officer'))
  expect(list.out).toMatch(
    /^first\.officer +viewer,security_officer {2}seen 2.*\nmachine +mapping_officer {2}seen never\n$/,
  )
  const forbidden = await cli(['operator', 'list'], as('machine'))
  expect(forbidden).toMatchObject({ code: 1, out: '' })
  expect(forbidden.err).toMatch(
    /^failed: forbidden: needs security_officer or auditor \(reference [0-9A-Z]{10}\)\n$/,
  )
  const disable = ['operator', 'disable', 'machine', '--reason', 'replaced by another']
  expect(await cli(disable, as('first.officer'))).toEqual({ code: 0, out: 'disabled machine\n', err: '' })
  expect((await cli(['operator', 'whoami'], as('machine'))).err).toMatch(
    /^failed: unauthenticated \(reference/,
  )
  expect((await cli(['operator', 'list'], as('first.officer'))).out).toMatch(/machine .* disabled 2/)
  broker.kill('SIGTERM')
  expect(await broker.ended).toBe(0)
  expect(await cli(['operator', 'whoami'], as('first.officer'))).toMatchObject({
    code: 1,
    err: `failed: the admin API at ${broker.adminUrl} does not answer\n`,
  })
}, 120_000)

test('a wrong call makes no operator and no file, and says what is wrong', async () => {
  for (const [args, complaint] of [
    [['--role', 'viewer'], 'the ID is missing'],
    [['some.body', '--key', keyFile('some.body')], '--role is missing'],
    [['some.body', '--role', 'viewer'], '--key is missing'],
    [
      ['some.body', '--role', 'viewer,root', '--key', keyFile('some.body')],
      '--role is one or more of viewer, ',
    ],
    [['system', '--role', 'viewer', '--key', keyFile('some.body')], 'the ID is reserved'],
  ] as const) {
    const { code, err } = await cli(['operator', 'create', ...args])
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain(complaint)
    expect(err).toContain('usage: npm run cli')
  }
  expect(existsSync(keyFile('some.body'))).toBe(false)
}, 120_000)

test('a client names what it lacks, and never prints a key', async () => {
  expect(await cli(['operator', 'whoami'], {})).toMatchObject({
    code: 1,
    err: 'configuration:\n  OPERATOR_KEY is required\n',
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
}, 60_000)
