import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig, settingNames } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/settings.ts'

const read = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8')
const example = read('production.example.env')
const development = parseEnv(read('development.env'))

/** The example as an operator completes it: a value for every NAME_FILE. */
function filled(text: string): Record<string, string | undefined> {
  const secrets: Record<string, string | undefined> = {
    ...development,
    DATABASE_URL: 'postgres://broker@db.internal:5432/broker',
    STATE_URL: 'rediss-cluster://a.internal:6379,b.internal:6379',
    UPSTREAM_ENVELOPE_KEY: '-----BEGIN PRIVATE KEY-----\nmade-up\n-----END PRIVATE KEY-----',
  }
  const pairs = Object.entries(parseEnv(text)).map(([name, value]) => {
    const plain = name.replace(/_FILE$/, '')
    return [plain, plain === name ? value : secrets[plain]]
  })
  return Object.fromEntries(pairs) as Record<string, string | undefined>
}

/** Every `NAME=…` line, commented or not, in order. */
const exampleNames = [...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) =>
  String(name).replace(/_FILE$/, ''),
)

function faultsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

describe('the production example', () => {
  test('names every setting once, and no other', () => {
    expect(exampleNames.toSorted()).toEqual(settingNames.toSorted())
  })

  test('is a complete configuration once the secrets are added', () => {
    expect(faultsOf(filled(example))).toEqual([])
  })

  test('shows in its comments the true defaults', () => {
    const spelledOut = example.replace(/^# (?=[A-Z][A-Z0-9_]*=)/gm, '')
    expect(loadConfig(filled(spelledOut))).toEqual(loadConfig(filled(example)))
  })
})

test('the development settings start a broker on loopback that needs no server', () => {
  const config = loadConfig(development)
  expect(config.issuer).toBe('http://127.0.0.1:3000')
  expect(config.listen.host).toBe('127.0.0.1')
  expect(config.database.url).toMatch(/^embedded:/)
  expect(config.state.url).toBe('memory:')
  expect(config.upstream).toMatchObject({ dialect: 'oidc', issuer: 'http://127.0.0.1:3400' })
  expect(development.SIMULATOR_REDIRECT_URIS).toBe(config.upstream.redirectUri)
})

test('every missing and every wrong setting is named at once', () => {
  const faults = faultsOf({
    ISSUER: 'http://sso.example.gov.vn/',
    PORT: '70000',
    UPSTREAM_DIALECT: 'oidc',
    UPSTREAM_CLIENT_ID: 'us',
    INTERACTION_TTL: '60',
    UPSTREAM_CLAIMS: '{not json',
    COOKIE_KEYS: 'short',
  })
  const named = new Set(faults.map((fault) => String(fault.split(' ')[0])))
  expect([...named].toSorted()).toEqual([
    'COOKIE_KEYS',
    'DATABASE_URL',
    'INDEX_KEYS',
    'INTERACTION_TTL',
    'ISSUER',
    'PAIRWISE_KEY',
    'PORT',
    'SEAL_KEYS',
    'STATE_URL',
    'UPSTREAM_CLAIMS',
    'UPSTREAM_CLIENT_SECRET',
    'UPSTREAM_ISSUER',
  ])
  expect(faults).toContain('DATABASE_URL is required')
})

test('a wrong value is never printed', () => {
  const secret = 'tell-nobody'
  const wrong = Object.fromEntries(settingNames.map((name) => [name, secret]))
  const free = [
    'HOST',
    'OPERATIONS_HOST',
    'ADMIN_HOST',
    'HOTLINE',
    'UPSTREAM_SCOPE',
    'UPSTREAM_CLIENT_KEY_ID',
  ]
  const faults = faultsOf(wrong)
  expect(faults.length).toBeGreaterThan(settingNames.length - free.length - 5)
  expect(faults.join('\n')).not.toContain(secret)
  expect(new ConfigError(faults).message).not.toContain(secret)
})

test('the vneid dialect says which of its settings are missing', () => {
  const faults = faultsOf({ ...development, UPSTREAM_DIALECT: 'vneid', UPSTREAM_CLIENT_SECRET: '' })
  expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
    'UPSTREAM_AUTHORIZATION_ENDPOINT',
    'UPSTREAM_TOKEN_ENDPOINT',
    'UPSTREAM_USERINFO_ENDPOINT',
    'UPSTREAM_CLIENT_SECRET',
    'UPSTREAM_ENVELOPE_KEY',
  ])
})

test('an issuer or an upstream address without TLS is accepted on loopback only', () => {
  for (const issuer of ['http://127.0.0.1:3000', 'http://localhost:3000', 'https://sso.example.gov.vn']) {
    expect(faultsOf({ ...development, ISSUER: issuer })).toEqual([])
  }
  for (const issuer of ['http://sso.example.gov.vn', 'http://127.0.0.1.example.gov.vn', 'ftp://127.0.0.1']) {
    expect(faultsOf({ ...development, ISSUER: issuer })).toEqual([expect.stringMatching(/^ISSUER /)])
    expect(faultsOf({ ...development, UPSTREAM_ISSUER: issuer })).toEqual([
      expect.stringMatching(/^UPSTREAM_ISSUER /),
    ])
  }
})

test('a secret may be mounted as a file, and an unreadable one is named without its path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'client_secret')
  writeFileSync(file, 'from-a-file\n')
  const { UPSTREAM_CLIENT_SECRET: _, ...rest } = development
  expect(loadConfig({ ...rest, UPSTREAM_CLIENT_SECRET_FILE: file }).upstream.clientSecret).toBe('from-a-file')
  expect(faultsOf({ ...rest, UPSTREAM_CLIENT_SECRET_FILE: `${file}.gone` })[0]).toBe(
    'UPSTREAM_CLIENT_SECRET_FILE cannot be read: check the path and its permissions',
  )
})

test('the configuration cannot be changed once it is loaded', () => {
  const config = loadConfig(development) as { issuer: string; upstream: { claims: { name: string } } }
  expect(() => (config.issuer = 'https://elsewhere.example')).toThrow(TypeError)
  expect(() => (config.upstream.claims.name = 'other')).toThrow(TypeError)
})
