import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { errorTable } from '../../src/errors.ts'
import { openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { readGuide } from '../support/docs/guide.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const guide = readGuide('operate/admin-api.md')
const world = await openWorld()
await world.register(portalDefinition('cong-mau'))
const officer = await openOperator(world, 'a.program', ['security_officer'])

test('the example program in the guide runs unchanged, and suspends a portal once', async () => {
  const [, code = ''] = /<!-- example: machine -->\n```js\n([\s\S]+?)```/.exec(guide) ?? []
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    env: officer(),
  })
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
  const { out } = await runCommandLine(['api'], officer())
  expect(JSON.parse(out)).toMatchObject({ openapi: '3.1.1', paths: { '/v1/whoami': { get: {} } } })
})
