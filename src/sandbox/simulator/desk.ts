/**
 * State shared by both dialects of the simulator: clients, issued codes and tokens, simulated faults. The simulator
 * replaces VNeID. It keeps no citizen session, so every sign-in is a new authentication.
 */
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import type { Context } from 'koa'
import { accountClaims, type Citizen, citizenNamed } from '../citizens.ts'

export interface SimulatorClient {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** Public keys, for private_key_jwt. */
  readonly jwks?: JSONWebKeySet | undefined
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[] | undefined
  /** PEM, RSA; the direct dialect encrypts the envelope's AES key with it. */
  readonly envelopePublicKey?: string | undefined
}

export type EnvelopeMode = 'none' | 'ecb' | 'cbc'

/** Simulated faults, in every answer until they are replaced. */
export interface Faults {
  readonly wrongNonce?: boolean
  readonly wrongAudience?: boolean
  readonly wrongIssuer?: boolean
  /** Wrong `iss` in the authorization response (RFC 9207). */
  readonly wrongResponseIssuer?: boolean
  readonly expiredIdToken?: boolean
  /** `auth_time` a day ago. */
  readonly staleAuthTime?: boolean
  readonly noAuthTime?: boolean
  readonly noIdToken?: boolean
  /** The ID token holds only protocol claims; the identity is only in userinfo. */
  readonly leanIdToken?: boolean
  /** The ID token is signed by a key that is not in /jwks, with the `kid` of the real one. */
  readonly unknownKey?: boolean
  readonly algNone?: boolean
  readonly wrongUserinfoSub?: boolean
  /** `accountType` and `citizenPid` are missing in userinfo and in the ID token. */
  readonly missingClaims?: boolean
  /** Claims with these values, in userinfo and in the ID token. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Direct dialect: one bit of each encrypted body is flipped. */
  readonly alteredBody?: boolean
  /** Direct dialect: bodies are plain JSON although an envelope is configured. */
  readonly plainBody?: boolean
  /** Direct dialect: one bit of the encrypted code is flipped. */
  readonly alteredCode?: boolean
  readonly tokenError?: boolean
  readonly tokenHangs?: boolean
  readonly userinfoError?: boolean
  readonly userinfoHangs?: boolean
}

/** What a code was issued for, and then the token. */
export interface Grant {
  readonly dialect: 'oidc' | 'direct'
  readonly clientId: string
  readonly redirectUri: string
  readonly citizen: Citizen
  /** Seconds since the epoch. */
  readonly authTime: number
  readonly nonce?: string | undefined
  readonly codeChallenge?: string | undefined
  readonly encryptKey?: string | undefined
}

/** Answered as an OAuth error, or as a page if a browser asks for HTML. */
export class Refusal extends Error {
  readonly status: number
  readonly error: string

  constructor(status: number, error: string, description: string) {
    super(description)
    this.status = status
    this.error = error
  }
}

export type Desk = ReturnType<typeof createDesk>

export function createDesk({
  clients,
  envelope,
}: {
  clients: readonly SimulatorClient[]
  envelope: EnvelopeMode
}) {
  const envelopeKeys = new Map<string, KeyObject>()
  for (const { clientId, envelopePublicKey } of clients) {
    if (envelopePublicKey !== undefined) envelopeKeys.set(clientId, createPublicKey(envelopePublicKey))
  }
  let approved: Citizen | undefined
  return {
    clients: new Map(clients.map((client) => [client.clientId, client])),
    envelope,
    envelopeKeys,
    codes: shortLived<Grant>(30),
    tokens: shortLived<Grant>(300),
    faults: {} as Faults,
    approved: () => approved,
    approve(name: string | undefined) {
      approved = name === undefined ? undefined : citizenNamed(name)
    },
  }
}

/** A map with random names whose entries expire. Expired entries are removed at the next `put`, so no timer is needed. */
export function shortLived<T>(seconds: number) {
  const entries = new Map<string, { value: T; expires: number }>()
  const find = (name: string | null | undefined) => {
    const entry = entries.get(name ?? '')
    return entry !== undefined && entry.expires > Date.now() ? entry.value : undefined
  }
  return {
    seconds,
    put(value: T, name = randomBytes(32).toString('base64url')): string {
      for (const [old, { expires }] of entries) {
        if (expires > Date.now()) break
        entries.delete(old)
      }
      entries.set(name, { value, expires: Date.now() + seconds * 1000 })
      return name
    },
    find,
    take(name: string | null | undefined): T | undefined {
      const value = find(name)
      entries.delete(name ?? '')
      return value
    },
  }
}

/** The client and its redirect URI, compared exactly (RFC 9700 §2.1). @throws Refusal, shown as a page without a redirect */
export function knownReturn(
  desk: Desk,
  query: URLSearchParams,
): { client: SimulatorClient; redirectUri: string } {
  const client = desk.clients.get(query.get('client_id') ?? '')
  const redirectUri = query.get('redirect_uri') ?? ''
  if (client === undefined) throw new Refusal(400, 'invalid_client', 'unknown client_id')
  if (!client.redirectUris.includes(redirectUri)) {
    throw new Refusal(400, 'invalid_request', 'redirect_uri is not registered')
  }
  return { client, redirectUri }
}

/** Redirects with 303, so that the browser does not post the passcode again. Sends the query exactly as given. */
export function sendTo(ctx: Context, address: string, query: string): void {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Location', query === '' ? address : `${address}${address.includes('?') ? '&' : '?'}${query}`)
}

export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (ctx.method === 'POST' && !ctx.is('urlencoded'))
    throw new Refusal(415, 'invalid_request', 'the body must be a form')
  let body = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    body += chunk
    if (body.length > 16_384)
      throw new Refusal(413, 'invalid_request', 'the form must have at most 16384 characters')
  }
  return new URLSearchParams(body)
}

export function bearerGrant(ctx: Context, desk: Desk, dialect: Grant['dialect']): Grant {
  const grant = desk.tokens.find(/^Bearer (\S+)$/i.exec(ctx.get('authorization'))?.[1])
  if (grant?.dialect !== dialect) throw new Refusal(401, 'invalid_token', 'unknown or expired access token')
  return grant
}

export function releasedClaims(desk: Desk, citizen: Citizen): Record<string, unknown> {
  const claims = { ...accountClaims(citizen), ...desk.faults.claims }
  if (!desk.faults.missingClaims) return claims
  const { accountType: _kind, citizenPid: _number, ...rest } = claims
  return rest
}

/** Seconds since the epoch. */
export const now = (): number => Math.floor(Date.now() / 1000)
