import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, SignJWT, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTransport } from '../../src/net/outgoing.ts'
import { createIdTokenCheck } from '../../src/upstream/id-token.ts'
import { refusal } from '../support/login/upstream.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
type Algorithm = (typeof algorithms)[number]

const issuer = 'https://issuer.example'
const now = Math.floor(Date.now() / 1000)
const usual = { iss: issuer, sub: 'a', aud: 'broker', iat: now, exp: now + 60, nonce: 'n' }
const keys = new Map<Algorithm, CryptoKey>()
let reads = 0
let jwksUri = ''

const server = createServer((_request, response) => {
  reads += 1
  void published().then((set) => response.end(JSON.stringify(set)))
})
const published = async () => ({
  keys: await Promise.all(
    [...keys].map(async ([alg, key]) => ({ ...(await exportJWK(key)), kid: alg, alg, use: 'sig' })),
  ),
})
const privateKeys = new Map<Algorithm, CryptoKey>()

beforeAll(async () => {
  for (const alg of algorithms) {
    const pair = await generateKeyPair(alg, { extractable: true })
    keys.set(alg, pair.publicKey)
    privateKeys.set(alg, pair.privateKey)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
})
afterAll(() => void server.close())

const checkOf = (algorithm: Algorithm) =>
  createIdTokenCheck({
    issuer,
    clientId: 'broker',
    algorithm,
    jwksUri,
    transport: createTransport({ timeout: 2 }),
  })
const sign = (claims: object, alg: Algorithm = 'ES256', header: object = {}) =>
  new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg, kid: alg, ...header })
    .sign(privateKeys.get(alg)!)

test.each(algorithms)(
  'an ID token signed with %s is accepted if that algorithm is configured, and its keys are fetched once',
  async (alg) => {
    const check = checkOf(alg)
    const before = reads
    for (let i = 0; i < 3; i++)
      expect(await check(await sign({}, alg), { nonce: 'n', now })).toMatchObject({ sub: 'a' })
    expect(reads).toBe(before + 1)
  },
)

const accepted: [string, object][] = [
  ['one of several audiences, as the authorized party', { aud: ['other', 'broker'], azp: 'broker' }],
  ['a list of one audience', { aud: ['broker'] }],
  ['clocks a few seconds apart', { iat: now + 5, exp: now - 5 }],
]
test.each(accepted)('accepted: %s', async (_case, claims) => {
  await expect(checkOf('ES256')(await sign(claims), { nonce: 'n', now })).resolves.toMatchObject({ sub: 'a' })
})

const refused: [string, object, RegExp][] = [
  ['several audiences without an authorized party', { aud: ['other', 'broker'] }, /"azp"/],
  ['another authorized party', { azp: 'other' }, /"azp"/],
  ['another audience', { aud: 'other' }, /"aud"/],
  ['no audience', { aud: [] }, /"aud"/],
  ['a similar issuer', { iss: `${issuer}/` }, /"iss"/],
  ['no nonce', { nonce: undefined }, /"nonce"/],
  ['no sub', { sub: undefined }, /malformed/],
  ['an empty sub', { sub: '' }, /malformed/],
  ['no exp', { exp: undefined }, /malformed/],
  ['exp as text', { exp: '9999999999' }, /malformed/],
  ['issued in the future', { iat: now + 60 }, /"iat"/],
  ['expired', { exp: now - 60 }, /"exp"/],
]
test.each(refused)('refused: %s', async (_case, claims, detail) => {
  const answer = checkOf('ES256')(await sign(claims), { nonce: 'n', now })
  await expect(answer).rejects.toMatchObject(refusal('upstream_answer_invalid', detail))
})

test('refused: a critical extension, an unknown key, a changed byte, a malformed token', async () => {
  const check = checkOf('ES256')
  const token = await sign({})
  const [head = '', body = '', signature = ''] = token.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const altered = Buffer.from(signature, 'base64url')
  altered[10]! ^= 1
  const others = [
    [encode({ alg: 'ES256', kid: 'ES256', crit: ['b64'] }), body, signature],
    [encode({ alg: 'ES256', kid: 'stranger' }), body, signature],
    [encode({ alg: 'none' }), body, ''],
    [encode({ alg: 'HS256', kid: 'ES256' }), body, signature],
    [head, encode({ ...usual, sub: 'b' }), signature],
    [head, body, altered.toString('base64url')],
    [head, body, ''],
    [head, body],
    [head, body, signature, signature],
    ['', '', ''],
  ]
  for (const parts of others) {
    await expect(check(parts.join('.'), { nonce: 'n', now })).rejects.toMatchObject(
      refusal('upstream_answer_invalid', /^id_token: /),
    )
  }
})
