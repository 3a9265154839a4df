/** Requests that no correct client sends: hand-written requests, forged assertions and proofs, raw bytes. */
import { createHash, randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { type CryptoKey, generateKeyPair, exportJWK, type JWK, SignJWT } from 'jose'
import { expect } from 'vitest'
import { createVisitor, type Page, type Visitor } from '../../src/sandbox/visitor.ts'
import { portalAddress, secretOf, type World } from './world.ts'

export const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

/** Undefined removes a parameter. */
export type Fields = Readonly<Record<string, string | undefined>>
export const encode = (fields: Fields): string =>
  new URLSearchParams(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()
export const now = (): number => Math.floor(Date.now() / 1000)

/** A valid authorization request with these changes. */
export const wish = (clientId: string, changes: Fields = {}): Fields => ({
  client_id: clientId,
  response_type: 'code',
  redirect_uri: portalAddress,
  scope: 'openid profile',
  state: 'st-1',
  nonce: 'n-1',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  ...changes,
})

export interface Answer extends Page {
  readonly visitor: Visitor
  /** The answer to the portal; undefined if the browser is on a page. */
  readonly heard: Readonly<Record<string, string>> | undefined
}

/** Follows redirects until the browser is back at the portal (any path on 127.0.0.1:9) or on a page. */
export async function browse(url: string, visitor = createVisitor()): Promise<Answer> {
  const page = await visitor.open(url, {
    until: (address) => !/^http:\/\/127\.0\.0\.1:(?!9\/)/.test(address),
  })
  const heard = page.status === 0 ? Object.fromEntries(new URL(page.url).searchParams) : undefined
  return { ...page, visitor, heard }
}
export const ask = (world: World, fields: Fields, visitor?: Visitor): Promise<Answer> =>
  browse(`${world.issuer}/auth?${encode(fields)}`, visitor)

/** Obtains a code that `clientId` can redeem with `verifier`. */
export async function codeFor(world: World, clientId: string, changes: Fields = {}): Promise<string> {
  const { heard } = await ask(world, wish(clientId, changes))
  expect(heard).toMatchObject({ code: expect.any(String) as string })
  return heard!['code']!
}

export const basic = (id: string, secret = secretOf(id)): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}
export async function send(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, { redirect: 'manual', ...init })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('application/json')
  const body = json ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, headers: response.headers, text, body }
}
export const post = (world: World, path: string, fields: Fields, headers: Record<string, string> = {}) =>
  send(`${world.issuer}${path}`, { method: 'POST', body: new URLSearchParams(encode(fields)), headers })

/** The token request for `codeFor`, with these changes. */
export const redeem = (world: World, id: string, code: string, changes: Fields = {}, headers = basic(id)) =>
  post(
    world,
    '/token',
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: portalAddress,
      code_verifier: verifier,
      ...changes,
    },
    headers,
  )
export async function tokensFor(world: World, id: string, changes: Fields = {}) {
  const reply = await redeem(world, id, await codeFor(world, id, changes))
  expect(reply.status).toBe(200)
  return reply.body as { access_token: string; id_token: string; refresh_token: string }
}
export const userinfo = (world: World, token: string, headers: Record<string, string> = {}): Promise<Reply> =>
  send(`${world.issuer}/me`, { headers: { authorization: `Bearer ${token}`, ...headers } })

export interface Signer {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}
export async function newSigner(alg = 'ES256'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: randomUUID(), alg } }
}

export type Claims = Readonly<Record<string, unknown>>
export const sign = ({ privateKey, jwk }: Signer, claims: Claims, header: Claims = {}): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: jwk.alg!, kid: jwk.kid!, ...header }).sign(privateKey)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
export const unsigned = (claims: Claims): string => `${part({ alg: 'none' })}.${part(claims)}.`
/** The algorithm confusion attack: HS256 with the public key as the shared secret. */
export const signedWithPublicKey = ({ jwk }: Signer, claims: Claims, secret: string): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256', kid: jwk.kid! }).sign(Buffer.from(secret))

/** A DPoP proof (RFC 9449 §4.2). */
export const proof = (signer: Signer, htm: string, htu: string, claims: Claims = {}): Promise<string> => {
  const { kty, crv, x, y } = signer.jwk as Record<string, string>
  const payload = { jti: randomUUID(), htm, htu, iat: now(), ...claims }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: kty!, crv: crv!, x: x!, y: y! } })
    .sign(signer.privateKey)
}
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** Sends raw bytes, for requests that `fetch` refuses to send. */
export function sendRaw(world: World, text: string): Promise<string> {
  const { hostname, port } = new URL(world.issuer)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')))
    // A server that refuses before it has read the whole request resets the connection; its answer still counts.
    socket.on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error))
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')))
  })
}

/** Expects our error page: code and reference, no content from the request, no redirect. */
export function expectPage({ url, status, headers, body }: Page, code: string, expected = 400): void {
  expect([status, new URL(url).host.split(':')[0]]).toEqual([expected, '127.0.0.1'])
  expect(headers.get('location')).toBeNull()
  expect(headers.get('x-reference')).toMatch(/^[0-9A-Z]{10}$/)
  expect(body).toContain(`<dd>${code}</dd>`)
  expect(body).toContain(headers.get('x-reference'))
  // Links lead only to the broker, the hotline or a registered portal, never to a URL from the request.
  for (const [, address] of body.matchAll(/(?:href|src|action)="([^"]*)"/g)) {
    expect(address).toMatch(/^(\/(?![/\\])|tel:|data:|http:\/\/127\.0\.0\.1:\d+\/$|https:\/\/cong\.example$)/)
  }
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; .*base-uri 'none'; frame-ancestors 'none'/,
  )
  expect(policy).not.toMatch(/unsafe|script-src [^']|https?:|\*/)
  expect(headers.get('cache-control')).toContain('no-store')
}
