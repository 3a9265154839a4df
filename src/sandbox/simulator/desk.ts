/**
 * What both dialects of the simulator share: who may ask, which codes and tokens are out, what is to go wrong.
 * The simulator stands in for VNeID; it keeps no citizen session, so every sign-in is a fresh authentication.
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
  /** PEM, RSA: what the direct dialect wraps to. */
  readonly envelopePublicKey?: string | undefined
}

export type EnvelopeMode = 'none' | 'ecb' | 'cbc'

/** What is to go wrong in every answer until told otherwise. */
export interface Faults {
  readonly wrongNonce?: boolean
  readonly wrongAudience?: boolean
  readonly wrongIssuer?: boolean
  /** `iss` of the authorization response (RFC 9207). */
  readonly wrongResponseIssuer?: boolean
  readonly expiredIdToken?: boolean
  /** `auth_time` a day ago. */
  readonly staleAuthTime?: boolean
  readonly noAuthTime?: boolean
  readonly noIdToken?: boolean
  /** Only protocol claims in the ID token: the identity is in userinfo alone. */
  readonly leanIdToken?: boolean
  /** Signed by a key outside /jwks that borrows the real one's `kid`. */
  readonly unknownKey?: boolean
  readonly algNone?: boolean
  readonly wrongUserinfoSub?: boolean
  /** No `accountType` and `citizenPid`, neither in userinfo nor in the ID token. */
  readonly missingClaims?: boolean
  /** Direct dialect: one bit of each wrapped body flipped. */
  readonly alteredBody?: boolean
  /** Direct dialect: bodies in plain JSON although an envelope was agreed. */
  readonly plainBody?: boolean
  /** Direct dialect: one bit of the wrapped code flipped. */
  readonly alteredCode?: boolean
  readonly tokenError?: boolean
  readonly tokenHangs?: boolean
  readonly userinfoError?: boolean
  readonly userinfoHangs?: boolean
}

/** What a code, and then a token, stands for. */
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

/** An OAuth error, or a page where a person is looking. */
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

/** Random names for things that expire; the oldest leave first, so nothing needs a timer. */
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

/** The client and the exact address to return to (RFC 9700 §2.1); without both, nobody is sent anywhere. */
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

/** See Other, so that the browser never posts a passcode on; the query goes out exactly as written. */
export function sendTo(ctx: Context, address: string, query: string): void {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Location', query === '' ? address : `${address}${address.includes('?') ? '&' : '?'}${query}`)
}

export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (ctx.method === 'POST' && !ctx.is('urlencoded')) throw new Refusal(415, 'invalid_request', 'not a form')
  let body = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    body += chunk
    if (body.length > 16_384) throw new Refusal(413, 'invalid_request', 'too long')
  }
  return new URLSearchParams(body)
}

export function bearerGrant(ctx: Context, desk: Desk, dialect: Grant['dialect']): Grant {
  const grant = desk.tokens.find(/^Bearer (\S+)$/i.exec(ctx.get('authorization'))?.[1])
  if (grant?.dialect !== dialect) throw new Refusal(401, 'invalid_token', 'unknown or expired access token')
  return grant
}

export function releasedClaims(desk: Desk, citizen: Citizen): Record<string, string> {
  const claims = accountClaims(citizen)
  if (!desk.faults.missingClaims) return claims
  const { accountType: _kind, citizenPid: _number, ...rest } = claims
  return rest
}

/** Seconds since the epoch. */
export const now = (): number => Math.floor(Date.now() / 1000)
