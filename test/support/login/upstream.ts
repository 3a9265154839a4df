/** One trip upstream without a broker: the dialect, the simulator, and a minimal browser. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Config } from '../../../src/config/config.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { openOidcUpstream } from '../../../src/upstream/oidc.ts'
import { openVneidUpstream } from '../../../src/upstream/vneid.ts'
import type { Identity, Transaction, Upstream } from '../../../src/upstream/upstream.ts'

export const issuer = 'http://127.0.0.1:9'
export const now = () => Math.floor(Date.now() / 1000)
const key = (name: string) => createHash('sha256').update(name).digest('base64url')

/** The `upstream` section of a Config from these settings. */
export function upstreamConfig(settings: Record<string, string>): Config['upstream'] {
  return loadConfig({
    ISSUER: issuer,
    DATABASE_URL: 'embedded:memory',
    STATE_URL: 'memory:',
    SEAL_KEYS: key('seal'),
    INDEX_KEYS: key('index'),
    COOKIE_KEYS: key('cookie'),
    PAIRWISE_KEY: key('pairwise'),
    UPSTREAM_CLIENT_ID: 'broker',
    UPSTREAM_TIMEOUT: '2',
    ...settings,
  }).upstream
}

const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const envelope = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = { format: 'pem' } as const
export const signingKey = signing.privateKey.export({ type: 'pkcs8', ...pem }).toString()
export const envelopeKey = envelope.privateKey.export({ type: 'pkcs8', ...pem }).toString()
export const envelopePublicKey = envelope.publicKey.export({ type: 'spki', ...pem }).toString()

const clientSecret = 'a secret: 100% +'
const urls = { redirectUris: [`${issuer}/callback`], postLogoutRedirectUris: [`${issuer}/logged-out`] }
/** The broker's clients that are registered at the simulator. */
export const clients = [
  { clientId: 'broker', clientSecret, envelopePublicKey, ...urls },
  {
    clientId: 'signer',
    jwks: { keys: [{ ...signing.publicKey.export({ format: 'jwk' }), kid: 'k1' }] },
    ...urls,
  },
]

export const openOidc = (url: string, settings: Record<string, string> = {}): Upstream =>
  openOidcUpstream({
    config: upstreamConfig({
      UPSTREAM_DIALECT: 'oidc',
      UPSTREAM_ISSUER: url,
      UPSTREAM_CLIENT_SECRET: clientSecret,
      ...settings,
    }),
  })

export const openVneid = (url: string, settings: Record<string, string> = {}): Upstream =>
  openVneidUpstream({
    config: upstreamConfig({
      UPSTREAM_DIALECT: 'vneid',
      UPSTREAM_CLIENT_SECRET: clientSecret,
      UPSTREAM_AUTHORIZATION_ENDPOINT: `${url}/auth`,
      UPSTREAM_TOKEN_ENDPOINT: `${url}/token`,
      UPSTREAM_USERINFO_ENDPOINT: `${url}/userinfo`,
      UPSTREAM_END_SESSION_ENDPOINT: `${url}/logout`,
      UPSTREAM_ENVELOPE_KEY: envelopeKey,
      ...settings,
    }),
  })

const random = () => randomBytes(32).toString('base64url')
export function newTransaction(changes: Partial<Transaction> = {}): Transaction {
  return { state: random(), nonce: random(), codeVerifier: random(), begunAt: now(), ...changes }
}

/** Sends the browser to the simulator. @returns the query of the callback, unchanged */
export async function journey(
  upstream: Upstream,
  transaction: Transaction,
  wish: Parameters<Upstream['begin']>[1] = {},
): Promise<string> {
  const answer = await fetch(await upstream.begin(transaction, wish), { redirect: 'manual' })
  const location = answer.headers.get('location') ?? ''
  expect(location.startsWith(`${issuer}/callback?`), `${answer.status} ${location}`).toBe(true)
  return location.slice(location.indexOf('?') + 1)
}

export async function signIn(upstream: Upstream, transaction = newTransaction()): Promise<Identity> {
  return await upstream.complete(await journey(upstream, transaction), transaction)
}

/** Matches the error of a refusal: code, failed check, and no value of what was refused. */
export function refusal(code: ErrorCode, detail: RegExp = /./) {
  return {
    code,
    detail: expect.stringMatching(detail) as string,
    message: expect.not.stringMatching(/eyJ|\d{9}|Nguy|code=|state=/) as string,
  }
}
