/** Keys from the command line. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const folder = mkdtempSync(join(tmpdir(), 'broker-keys-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))
const { privateKey, publicKey } = await generateOperatorKey()
recordSecrets([privateKey.d])
await createOperator(
  { db: world.db, log: createLog({ level: 'silent' }), actor: 'local' },
  { id: 'key.officer', roles: ['security_officer'], key: publicKey },
)
const keyFile = join(folder, 'officer.key')
const { audience } = world.config.admin
writeFileSync(keyFile, JSON.stringify({ operator: 'key.officer', audience, key: privateKey }))

const run = (args: string[], env: NodeJS.ProcessEnv) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, ['src/cli/main.ts', ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
const cli = (...args: string[]) => run(args, { ADMIN_URL: world.adminUrl, OPERATOR_KEY_FILE: keyFile })
const kid = '[\\w-]{43}'
const moment = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'

test('the calendar, the next key, a leaked one', { timeout: 240_000 }, async () => {
  expect((await cli('keys', 'list')).out).toMatch(
    new RegExp(
      `^ES256  ${kid}  current   signs from ${moment}\nRS256  ${kid}  current   signs from ${moment}\n$`,
    ),
  )
  const rotated = await cli('keys', 'rotate', '--announce', '2h')
  expect(rotated.out).toMatch(new RegExp(`^ES256 ${kid}: published now, signs from ${moment}\n$`))
  const [, from] = /signs from (\S+)/.exec(rotated.out)!
  expect(Math.abs(Date.parse(from!) - Date.now() - 2 * 3_600_000)).toBeLessThan(60_000)
  expect(await cli('keys', 'rotate')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^failed: state_conflict: the next ES256 key is announced already/) as string,
  })
  const [, leaked] = new RegExp(`ES256  (${kid})  current`).exec((await cli('keys', 'list')).out)!
  const revoked = await cli('keys', 'revoke', leaked!, '--reason', 'seen on a screen')
  expect(revoked.out).toContain(`revoked ${leaked}; `)
  expect((await cli('keys', 'list')).out).toMatch(new RegExp(`ES256  ${leaked}  revoked   signs from`))
  for (const wrong of [
    ['keys', 'rotate', '--announce', 'soon'],
    ['keys', 'revoke', leaked!],
  ])
    expect(await cli(...wrong)).toMatchObject({ code: 2 })
})

test('what lies under which key, and everything brought under the newest', { timeout: 240_000 }, async () => {
  const name = '[0-9a-f]{8}'
  expect((await cli('keys', 'ring')).out).toMatch(
    new RegExp(`^SEAL_KEYS  1  ${name}  writes  signing_key \\d+.*\nINDEX_KEYS 1  ${name}  writes\n$`),
  )
  const key = randomBytes(32).toString('base64url')
  recordSecrets([key])
  const { SEAL_KEYS: old } = world.settings
  await world.restart({ SEAL_KEYS: `${key},${old}` })
  expect((await cli('keys', 'ring')).out).toMatch(
    new RegExp(`\nSEAL_KEYS  2  ${name}  needed  signing_key \\d+`),
  )
  const done = await cli('keys', 'reseal')
  expect(done.out).toMatch(
    new RegExp(`rows seen, \\d+ changed\nSEAL_KEYS  1  ${name}  writes  signing_key \\d+`),
  )
  expect(done.out).toMatch(new RegExp(`\nSEAL_KEYS  2  ${name}  sessions until ${moment}\n`))
  await world.restart({ SEAL_KEYS: key })
})

test('a check of the configuration names the key that rows still need', { timeout: 240_000 }, async () => {
  if (world.settings['DATABASE_URL']!.startsWith('embedded:')) return
  const env = { ...world.settings, SEAL_KEYS: randomBytes(32).toString('base64url') }
  const { code, err } = await run(['config', 'check'], env)
  expect(code).toBe(1)
  expect(err).toMatch(
    /^configuration:\n {2}SEAL_KEYS lacks a key that sealed rows still need \(.*signing key.*\): add it again, and run "keys reseal" before you remove it\n$/,
  )
})
