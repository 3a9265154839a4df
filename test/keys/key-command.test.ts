/** Wrapped keys of the ring, and the operator's own command that unwraps them. */
import { execFileSync } from 'node:child_process'
import { constants, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/settings.ts'
import { startBroker } from '../support/broker-process.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const folder = mkdtempSync(join(tmpdir(), 'broker-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string, mode = 0o600): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}
/** An RSA key for `oaep` with SHA-256, as a token or a KMS has it. */
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const pem = file('ring.pem', privateKey)
const wrapped = (key: Buffer): string => {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return `wrapped:${publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, key).toString('base64')}`
}
const openssl = execFileSync('/bin/sh', ['-c', 'command -v openssl']).toString().trim()
const byOpenssl = `${openssl} pkeyutl -decrypt -inkey ${pem} -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256`
/** Creates a separate program with the given source. */
const program = (name: string, body: string) => file(name, `#!${process.execPath}\n${body}\n`, 0o700)

const development = parseEnv(
  readFileSync(new URL('../../config/development.env', import.meta.url), 'utf8'),
) as Record<string, string>
const [one, two, pairwise] = [randomBytes(32), randomBytes(32), randomBytes(32)]
recordSecrets([one, two, pairwise].map((key) => key.toString('base64url')))
const given = {
  ...development,
  SEAL_KEYS: `${wrapped(one)}, ${two.toString('base64url')}`,
  PAIRWISE_KEY: wrapped(pairwise),
  PATH: process.env.PATH!,
}
function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

test('the command unwraps wrapped keys, mixed with clear keys, and keeps their order', () => {
  const { keys }: Config = loadConfig({ ...given, KEY_COMMAND: byOpenssl })
  expect(keys.seal.map((key) => key.toString('hex'))).toEqual([one.toString('hex'), two.toString('hex')])
  expect(keys.pairwise.equals(pairwise)).toBe(true)
})

test(
  'a broker with wrapped keys opens data that a broker with the same keys in clear has sealed',
  { timeout: 60_000 },
  async () => {
    const world = await openWorld()
    await world.register(portalDefinition('portal'))
    const portal = await world.portal({ clientId: 'portal' })
    const { claims } = await portal.signIn()
    const { seal, index, pairwise: derives } = world.config.keys
    await world.restart({
      SEAL_KEYS: wrapped(seal[0]!),
      INDEX_KEYS: wrapped(index[0]!),
      PAIRWISE_KEY: wrapped(derives),
      KEY_COMMAND: byOpenssl,
    })
    expect((await portal.signIn()).claims.sub).toBe(claims.sub)
    expect(await world.db.query('select 1 from subject')).toHaveLength(1)
  },
)

test('the command receives the wrapped key and no other data of the broker', () => {
  const spied = join(folder, 'spied')
  const spy = program(
    'spy.cjs',
    `require('fs').writeFileSync('${spied}', JSON.stringify([process.argv.slice(2), process.env]))
     require('child_process').spawnSync(${JSON.stringify(byOpenssl)}.split(' ')[0], ${JSON.stringify(byOpenssl)}.split(' ').slice(1), { stdio: 'inherit' })`,
  )
  loadConfig({ ...given, KEY_COMMAND: `${spy} --slot 3`, CLOUD_REGION: 'here' })
  const [args, environment] = JSON.parse(readFileSync(spied, 'utf8')) as [string[], Record<string, string>]
  expect(args).toEqual(['--slot', '3'])
  expect(environment).toMatchObject({ PATH: given.PATH, CLOUD_REGION: 'here' })
  for (const name of ['SEAL_KEYS', 'INDEX_KEYS', 'COOKIE_KEYS', 'PAIRWISE_KEY', 'UPSTREAM_CLIENT_SECRET'])
    expect(Object.keys(environment)).not.toContain(name)
})

test('a failed command is reported by the kind of failure, never with its output', () => {
  const cases = {
    [program('short.cjs', `process.stdout.write('0123456789abcdef')`)]:
      'must write exactly the 32 bytes of a key',
    [program('long.cjs', `process.stdout.write('x'.repeat(33))`)]: 'must write exactly the 32 bytes of a key',
    [program(
      'loud.cjs',
      `console.error('TELL-NOBODY'); process.stdout.write('TELL-NOBODY'); process.exit(3)`,
    )]: 'ended with exit code 3',
    [program('killed.cjs', `process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9_000)`)]:
      'ended with SIGTERM',
    [join(folder, 'nothing')]: 'cannot be run (ENOENT)',
    [pem]: 'cannot be run (EACCES)',
  }
  for (const [command, how] of Object.entries(cases)) {
    const faults = faultsOf({ ...given, KEY_COMMAND: command })
    expect(faults).toEqual([
      `SEAL_KEYS cannot be unwrapped: KEY_COMMAND ${how}`,
      `PAIRWISE_KEY cannot be unwrapped: KEY_COMMAND ${how}`,
    ])
  }
})

test('a wrapped key without a command, or one that is not base64, is reported together with the other faults', () => {
  expect(faultsOf({ ...given, PORT: '70000' })).toEqual([
    'SEAL_KEYS holds a wrapped key: KEY_COMMAND is required',
    'PAIRWISE_KEY holds a wrapped key: KEY_COMMAND is required',
    expect.stringMatching(/^PORT /),
  ])
  expect(faultsOf({ ...given, COOKIE_KEYS: 'wrapped:%%', KEY_COMMAND: byOpenssl })).toEqual([
    'COOKIE_KEYS holds a wrapped key that is not base64',
  ])
  expect(faultsOf({ ...given, KEY_COMMAND: 'openssl pkeyutl' })).toContain(
    'KEY_COMMAND must be the absolute path of a program, followed by its arguments',
  )
})

test('a broker whose command fails does not start', { timeout: 60_000 }, async () => {
  const command = program('denied.cjs', 'process.exit(77)')
  await expect(startBroker({ ...given, KEY_COMMAND: command })).rejects.toThrow(
    'KEY_COMMAND ended with exit code 77',
  )
})
