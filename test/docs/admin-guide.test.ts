import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { errorTable } from '../../src/errors.ts'
import { knownOperator } from '../support/operators/admin-server.ts'
import { readGuide } from '../support/docs/guide.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

const guide = readGuide('operate/admin-api.md')
let world: World
let environment: Record<string, string>

beforeAll(async () => {
  world = await openWorld()
  await world.register(portalDefinition('cong-mau'))
  const key = await knownOperator(world, 'a.program', ['security_officer'])
  const file = join(mkdtempSync(join(tmpdir(), 'admin-guide-')), 'key')
  const { audience } = world.config.admin
  writeFileSync(file, JSON.stringify({ operator: 'a.program', audience, key }), { mode: 0o600 })
  environment = { ADMIN_URL: world.adminUrl, OPERATOR_KEY_FILE: file }
})

const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { env: environment })

test('the example program in the guide runs unchanged, and suspends a portal once', async () => {
  const [, code = ''] = /<!-- example: machine -->\n```js\n([\s\S]+?)```/.exec(guide) ?? []
  const { stdout } = await run('--input-type=module', '--eval', code)
  expect(stdout).toMatch(/^(20\d) \1 true\n$/)
  const events = await world.db.query(
    `select 1 from audit_event where actor = 'a.program' and client_id = 'cong-mau'`,
  )
  expect(events).toHaveLength(1)
})

test('the codes and headers that the section names exist', () => {
  const section = guide.slice(guide.indexOf('\n## Rules\n'))
  const codes = [...section.matchAll(/`(\w+_\w+)`/g)].map(([, code]) => code!)
  expect(codes).toHaveLength(3)
  expect(Object.keys(errorTable)).toEqual(expect.arrayContaining(codes))
})

test('the command line prints the description', async () => {
  const { stdout } = await run('src/cli/main.ts', 'api')
  expect(JSON.parse(stdout)).toMatchObject({ openapi: '3.1.1', paths: { '/v1/whoami': { get: {} } } })
})
