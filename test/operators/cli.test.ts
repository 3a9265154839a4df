import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder, runCommandLine } from '../support/operators/command-line.ts'
import { emptySettings, startEmpty } from '../support/operators/empty-broker.ts'
import { agreed } from '../support/registry/agreement.ts'
import { portalDefinition } from '../support/world.ts'

const folder = openFolder()
const environment = await emptySettings()
const cli = (args: readonly string[], env = environment) => runCommandLine(args, env)

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

test('an operator goes from an empty database to an active portal with the commands of the guide', async () => {
  const { client_secret: _, ...definition } = agreed(portalDefinition('portal-a'))
  const portals = file('portals.json', [{ ...definition, state: 'active' }])
  const keyFile = join(folder, 'registrar.key')

  expect((await cli(['migrate'])).out).toContain('applied 001-subjects.sql')
  expect((await cli(['migrate'])).out).toBe('nothing to do\n')
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toMatch(/^generated ES256 key [\w-]{43};/)
  expect((await cli(['keys', 'generate', '--if-missing'])).out).toBe('there is already a key for ES256\n')
  expect(
    await cli(['operator', 'create', 'registrar', '--role', 'registrar', '--key', keyFile]),
  ).toMatchObject({
    code: 0,
  })

  const broker = await startEmpty(environment)
  const as = { ADMIN_URL: broker.adminUrl, OPERATOR_KEY_FILE: keyFile }
  const shown = await cli(['client', 'apply', portals], as)
  expect(shown).toMatchObject({ code: 1, err: 'nothing was changed; add --yes to apply\n' })
  expect(await cli(['client', 'list'], as)).toMatchObject({ code: 0, out: '' })
  const first = await cli(['client', 'apply', portals, '--yes'], as)
  expect(first).toMatchObject({ code: 0, err: '' })
  expect(first.out).toMatch(
    /\ncreated {3}portal-a {2}active\n {10}client_secret, shown this once: [\w-]{43}\n$/,
  )
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
  await broker.stop()
})

test('a wrong call shows the usage and exits 2', async () => {
  for (const args of [[], ['client'], ['keys', 'generate', '--alg', 'none'], ['--nonsense']]) {
    const { code, err } = await cli(args)
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain('usage: npm run cli')
  }
})

test('a wrong call of one command shows its own arguments and options only', async () => {
  const { err } = await cli(['client', 'suspend'], {})
  expect(err).toMatch(/^the ID is missing\nusage: npm run cli -- client suspend ID\n/)
  expect(err).toMatch(/\n {4}ID +the portal’s client_id\n {4}--reason TEXT +\S/)
  expect(err).not.toContain('client retire')
})

test('a check of the configuration names what is missing, and prints no value', async () => {
  const wrong = await cli(['config', 'check'], { ...environment, SEAL_KEYS: 'short', UPSTREAM_ISSUER: '' })
  expect(wrong.code).toBe(1)
  expect(wrong.err).toContain('SEAL_KEYS must be 32 random bytes')
  expect(wrong.err).toContain('UPSTREAM_ISSUER is required by the oidc dialect')
  expect(wrong.err).not.toContain(environment['UPSTREAM_CLIENT_SECRET'])

  const away = await cli(['config', 'check'])
  expect(away).toMatchObject({ code: 1, err: 'failed: no answer from: upstream\n' })
})
