/** The command line loads only what a command needs. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { openFolder, openOperator } from '../support/operators/command-line.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const folder = openFolder()
/** Records every file that Node loads by import or require. */
writeFileSync(
  join(folder, 'hook.mjs'),
  `import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context) } })`,
)
/** Runs the commands one after another in one process, so the result lists the files that all of them load. */
const inTurn = `import { appendFileSync } from 'node:fs'
import { runCommand } from './src/cli/run.ts'
const { env, stdin, stdout, stderr } = process
for (const line of JSON.parse(env.LINES)) {
  appendFileSync(env.LOADED, '$ ' + line + '\\n')
  const code = await runCommand(line.split(' '), { env, stdin, stdout, stderr })
  if (code !== 0) process.exit(code)
}`

/** @returns the files that Node loads, in the order of loading */
async function loadedBy(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const loaded = join(folder, 'loaded')
  writeFileSync(loaded, '')
  const hook = ['--import', pathToFileURL(join(folder, 'hook.mjs')).href]
  await promisify(execFile)(process.execPath, [...hook, ...args], { env: { ...env, LOADED: loaded } })
  return readFileSync(loaded, 'utf8')
}

/** The packages and our own files among what was loaded. */
function namesIn(loaded: string): string[] {
  const urls = loaded.split('\n')
  const packages = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
  const own = urls.flatMap((url) => /\/(src\/.+)$/.exec(url)?.[1] ?? [])
  return [...new Set([...packages, ...own])]
}

test('the usage loads no package at all', async () => {
  const names = namesIn(await loadedBy(['src/cli/main.ts', '--help']))
  expect(names).toContain('src/cli/main.ts')
  expect(names.filter((name) => !name.startsWith('src/'))).toEqual([])
})

const lines = [
  'operator whoami',
  'client list',
  'client secret list portal-a',
  'progress',
  'audit events',
  'audit verify',
]
const heavy = ['oidc-provider', '@electric-sql/pglite', 'pg', 'ioredis', 'koa']
let loaded = ''
beforeAll(async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const program = await openOperator(world, 'a.program', ['viewer', 'registrar', 'auditor'])
  const env = { ...program(), LINES: JSON.stringify(lines) }
  loaded = await loadedBy(['--input-type=module', '--eval', inTurn], env)
})

test.each(lines)('a command of the admin API loads neither the engine nor a database: %s', (line) => {
  const [before, own] = loaded.split(`$ ${line}\n`)
  expect(own).toBeDefined()
  const names = namesIn(before! + own!.split('$ ', 1)[0]!)
  expect(names).toContain('src/cli/client.ts')
  expect(names.filter((name) => heavy.includes(name) || /^src\/(admin|store)\//.test(name))).toEqual([])
})
