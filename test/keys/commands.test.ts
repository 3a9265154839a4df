/** Commands for keys on the command line. */
import { randomBytes } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld } from '../support/world.ts'

// Re-sealing waits for the other nodes' claims.
const world = await openWorld({ periods: { claim: 50 } })
const officer = await openOperator(world, 'key.officer', ['security_officer'])
const cli = (...args: string[]) => runCommandLine(args, officer())
const kid = '[\\w-]{43}'
const moment = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'

test('the commands list the key calendar, rotate to the next key and revoke a leaked key', async () => {
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
    err: expect.stringMatching(/^failed: state_conflict: the next ES256 key is already announced/) as string,
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

test('the commands show which data is under which key, and re-seal all data under the newest key', async () => {
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

const withoutServer = inject('databaseUrl') === undefined
test.skipIf(withoutServer)('a check of the configuration names the key that rows still need', async () => {
  const env = { ...world.settings, SEAL_KEYS: randomBytes(32).toString('base64url') }
  const { code, err } = await runCommandLine(['config', 'check'], env)
  expect(code).toBe(1)
  expect(err).toMatch(
    /^configuration:\n {2}SEAL_KEYS lacks a key that sealed rows still need \(.*signing key.*\): add it again, and run "keys reseal" before you remove it\n$/,
  )
})
