/** The command line loads what a command needs, and no more. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

const folder = mkdtempSync(join(tmpdir(), 'broker-cli-loading-'))
const keyFile = join(folder, 'operator.key')
let world: World
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(async () => {
  world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const roles = ['viewer', 'registrar', 'auditor'] as const
  await createOperator(
    { db: world.db, log: createLog({ level: 'silent' }), actor: 'local' },
    { id: 'a.program', roles, key: publicKey },
  )
  const content = { operator: 'a.program', audience: `${world.issuer}/admin`, key: privateKey }
  writeFileSync(keyFile, JSON.stringify(content))
})

/** Notes every file that Node loads, whether it is imported or required. */
const hook = `import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context) } })`

/** @returns the packages and our own files that a command loads */
async function loadedBy(...words: string[]): Promise<string[]> {
  const loaded = join(folder, 'loaded')
  writeFileSync(loaded, '')
  writeFileSync(join(folder, 'hook.mjs'), hook)
  const env = { LOADED: loaded, ADMIN_URL: world.adminUrl, OPERATOR_KEY_FILE: keyFile }
  const args = ['--import', pathToFileURL(join(folder, 'hook.mjs')).href, 'src/cli/main.ts', ...words]
  const code = await new Promise((resolve) =>
    execFile(process.execPath, args, { env }, (error) => resolve(error === null ? 0 : error.code)),
  )
  expect(code).toBe(0)
  const urls = readFileSync(loaded, 'utf8').split('\n')
  const names = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
  const own = urls.flatMap((url) => /\/(src\/.+)$/.exec(url)?.[1] ?? [])
  return [...new Set([...names, ...own])]
}

const heavy = ['oidc-provider', '@electric-sql/pglite', 'pg', 'ioredis', 'koa']

test('the usage loads no package at all', async () => {
  const loaded = await loadedBy('--help')
  expect(loaded).toContain('src/cli/main.ts')
  expect(loaded.filter((name) => !name.startsWith('src/'))).toEqual([])
}, 60_000)

test.each([
  'operator whoami',
  'client list',
  'client secret list portal-a',
  'progress',
  'audit events',
  'audit verify',
])(
  'a command of the admin API loads neither the engine nor a database: %s',
  async (line) => {
    const loaded = await loadedBy(...line.split(' '))
    expect(loaded).toContain('src/cli/client.ts')
    expect(loaded.filter((name) => heavy.includes(name) || /^src\/(admin|store)\//.test(name))).toEqual([])
  },
  60_000,
)

test('a wrong call of one command shows its own arguments and options only', async () => {
  const err = await new Promise<string>((resolve) =>
    execFile(process.execPath, ['src/cli/main.ts', 'client', 'suspend'], { env: {} }, (_error, _out, told) =>
      resolve(told),
    ),
  )
  expect(err).toMatch(/^the ID is missing\nusage: npm run cli -- client suspend ID\n/)
  expect(err).toMatch(/\n {4}ID +the portal’s client_id\n {4}--reason TEXT +\S/)
  expect(err).not.toContain('client retire')
}, 60_000)
