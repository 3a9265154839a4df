import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { portalDefinition } from './support/world.ts'

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
    execFile(process.execPath, ['src/cli.ts', ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}
function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('an operator goes from an empty database to a registered portal with four commands', async () => {
  const { client_secret: _, ...definition } = portalDefinition('portal-a')
  const portals = file('portals.json', [definition])

  expect((await cli(['migrate'])).out).toContain('applied 001-first-login.sql')
  expect((await cli(['migrate'])).out).toBe('nothing to do\n')
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toMatch(/^generated ES256 key [\w-]{43};/)
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toBe('there is a ES256 key\n')

  const first = await cli(['client', 'apply', portals])
  expect(first).toMatchObject({ code: 0 })
  expect(first.out).toMatch(/^created {3}portal-a\n {10}client_secret, shown this once: [\w-]{43}\n$/)
  expect((await cli(['client', 'apply', portals])).out).toBe('unchanged portal-a\n')
  expect((await cli(['client', 'list'])).out).toMatch(
    /^portal-a +client_secret_basic +level 1 {2}citizen {2}Cổng portal-a\n$/,
  )
}, 120_000)

test('a file with faults names each of them and registers nothing', async () => {
  const portals = file('faulty.json', [
    portalDefinition('portal-fine'),
    portalDefinition('portal-b', {
      redirect_uris: ['https://b.example/cb#fragment'],
      scope: 'openid everything',
    }),
  ])
  const { code, err, out } = await cli(['client', 'apply', portals])
  expect(code).toBe(1)
  expect(out).toBe('')
  expect(err).toContain('portal-b: redirect_uris.0 must be an absolute address without fragment')
  expect(err).toContain('portal-b: scope knows no "everything"')
  expect((await cli(['client', 'list'])).out).not.toContain('portal-fine')
}, 60_000)

test('a wrong call shows the usage and exits 2', async () => {
  for (const args of [
    [],
    ['client'],
    ['client', 'apply'],
    ['keys', 'generate', '--alg', 'none'],
    ['--nonsense'],
  ]) {
    const { code, err } = await cli(args)
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain('usage: npm run cli')
  }
  expect((await cli(['client', 'apply', file('x.json', '{ not json')])).err).toContain('is not JSON')
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
