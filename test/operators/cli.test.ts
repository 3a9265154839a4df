import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { agreed } from '../support/registry/agreement.ts'
import { startBroker } from '../support/broker-process.ts'
import { recordSecrets } from '../support/record.ts'
import { portalDefinition } from '../support/world.ts'

const folder = mkdtempSync(join(tmpdir(), 'broker-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

const key = () => randomBytes(32).toString('base64url')
const environment: Record<string, string> = {
  ISSUER: 'https://sso.example.gov.vn',
  DATABASE_URL: `embedded:${join(folder, 'data')}`,
  STATE_URL: 'memory:',
  SEAL_KEYS: key(),
  INDEX_KEYS: key(),
  COOKIE_KEYS: key(),
  PAIRWISE_KEY: key(),
  UPSTREAM_DIALECT: 'oidc',
  UPSTREAM_ISSUER: 'http://127.0.0.1:9',
  UPSTREAM_CLIENT_ID: 'broker',
  UPSTREAM_CLIENT_SECRET: 'a-secret-that-is-never-printed',
}

function cli(args: string[], env = environment): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/cli/main.ts', ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}
function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('an operator goes from an empty database to an active portal with the commands of the guide', async () => {
  const { client_secret: _, ...definition } = agreed(portalDefinition('portal-a'))
  const portals = file('portals.json', [{ ...definition, state: 'active' }])
  const keyFile = join(folder, 'registrar.key')

  expect((await cli(['migrate'])).out).toContain('applied 001-subjects.sql')
  expect((await cli(['migrate'])).out).toBe('nothing to do\n')
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toMatch(/^generated ES256 key [\w-]{43};/)
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toBe('there is a ES256 key\n')
  expect(
    await cli(['operator', 'create', 'registrar', '--role', 'registrar', '--key', keyFile]),
  ).toMatchObject({
    code: 0,
  })
  recordSecrets([(JSON.parse(readFileSync(keyFile, 'utf8')) as { key: { d: string } }).key.d])

  const broker = await startBroker(environment)
  const as = { ADMIN_URL: broker.adminUrl, OPERATOR_KEY_FILE: keyFile }
  const shown = await cli(['client', 'apply', portals], as)
  expect(shown).toMatchObject({ code: 1, err: 'nothing was changed; --yes does it\n' })
  expect(await cli(['client', 'list'], as)).toMatchObject({ code: 0, out: '' })
  const first = await cli(['client', 'apply', portals, '--yes'], as)
  expect(first).toMatchObject({ code: 0, err: '' })
  const [, secret] =
    /\ncreated {3}portal-a {2}active\n {10}client_secret, shown this once: ([\w-]{43})\n$/.exec(first.out) ??
    []
  expect(secret).toBeDefined()
  recordSecrets([secret])
  expect((await cli(['client', 'apply', portals, '--yes'], as)).out).toBe(
    'unchanged portal-a  active\nthe registry is equal to the files\n',
  )
  expect((await cli(['client', 'list'], as)).out).toMatch(
    /^portal-a +active +client_secret_basic +level 1 {2}citizen {2}Cổng portal-a\n$/,
  )
  const faulty = file('faulty.json', [{ ...definition, scope: 'openid everything' }])
  const refused = await cli(['client', 'diff', faulty], as)
  expect(refused).toEqual({
    code: 1,
    out: '',
    err: expect.stringMatching(
      /^\S+faulty\.json:1: scope: has an unknown scope; use only: openid .*\n$/,
    ) as string,
  })
  broker.kill('SIGTERM')
  expect(await broker.ended).toBe(0)
}, 180_000)

test('a wrong call shows the usage and exits 2', async () => {
  for (const args of [[], ['client'], ['keys', 'generate', '--alg', 'none'], ['--nonsense']]) {
    const { code, err } = await cli(args)
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain('usage: npm run cli')
  }
}, 60_000)

test('a check of the configuration names what is missing, and prints no value', async () => {
  const wrong = await cli(['config', 'check'], { ...environment, SEAL_KEYS: 'short', UPSTREAM_ISSUER: '' })
  expect(wrong.code).toBe(1)
  expect(wrong.err).toContain('SEAL_KEYS must be 32 random bytes')
  expect(wrong.err).toContain('UPSTREAM_ISSUER is required by the oidc dialect')
  expect(wrong.err).not.toContain(environment['UPSTREAM_CLIENT_SECRET'])

  const away = await cli(['config', 'check'])
  expect(away).toMatchObject({ code: 1, err: 'failed: not reached: upstream\n' })
}, 60_000)
