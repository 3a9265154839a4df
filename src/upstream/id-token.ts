/** ID token validation: OIDC Core §3.1.3.7, step by step. */
import { KeyObject, constants, verify } from 'node:crypto'
import { createRemoteJWKSet, customFetch } from 'jose'
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { OutgoingError, type Transport } from '../net/outgoing.ts'
import { invalidAnswer } from './identity.ts'
import { unavailable, watchCall } from './call.ts'

/** Seconds by which our clock and the issuer's may differ. */
export const tolerance = 10

/** Parameters of `verify` for each algorithm (RFC 7518 §3.1, RFC 8037 §3.1). */
const parameters: Readonly<
  Record<Config['upstream']['idTokenAlg'], { hash: string | null; options?: object }>
> = {
  RS256: { hash: 'sha256' },
  PS256: { hash: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  ES256: { hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { hash: null },
}

const headerSchema = z.looseObject({
  alg: z.string(),
  kid: z.string().optional(),
  crit: z.undefined().optional(),
})
const seconds = z.number().nonnegative()
const claimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  aud: z.union([z.string(), z.array(z.string())]),
  azp: z.string().optional(),
  exp: seconds,
  iat: seconds,
  auth_time: seconds.optional(),
  nonce: z.string().optional(),
})
export type IdTokenClaims = z.output<typeof claimsSchema>

export function createIdTokenCheck({
  issuer,
  clientId,
  algorithm,
  jwksUri,
  transport,
}: {
  issuer: string
  clientId: string
  algorithm: Config['upstream']['idTokenAlg']
  jwksUri: string
  transport: Transport
}): (idToken: string, expected: { nonce: string; now: number }) => Promise<IdTokenClaims> {
  const find = createRemoteJWKSet(new URL(jwksUri), {
    [customFetch]: (url: string, init: Parameters<Transport>[1]) => {
      return watchCall('keys', async () => {
        const answer = await transport(url, init)
        if (answer.status !== 200) throw new OutgoingError('network', new URL(url), `status ${answer.status}`)
        return answer
      })
    },
    // An unknown `kid` makes it fetch the keys again, and `oidc.ts` drops the whole key set every hour.
    cacheMaxAge: Infinity,
  })
  const known = new WeakMap<object, KeyObject>()

  /** The key with this `kid`, as a KeyObject, because a synchronous `verify` is far cheaper than WebCrypto's. */
  async function keyFor(kid: string | undefined): Promise<KeyObject> {
    const found = await find({ alg: algorithm, ...(kid !== undefined && { kid }) }).catch(
      (error: unknown) => {
        throw error instanceof OutgoingError ? unavailable(error) : invalidAnswer('id_token: signature: key')
      },
    )
    const key = known.get(found) ?? KeyObject.from(found)
    known.set(found, key)
    return key
  }

  return async (idToken, { nonce, now }) => {
    const parts = idToken.split('.')
    const [head = '', body = '', signature = ''] = parts
    const header = headerSchema.safeParse(decode(head))
    const claims = claimsSchema.safeParse(decode(body))
    if (parts.length !== 3 || !header.success || !claims.success) throw invalidAnswer('id_token: malformed')
    const { alg, kid } = header.data
    if (alg !== algorithm) throw invalidAnswer('id_token: "alg"')

    const key = await keyFor(kid)
    const { hash, options } = parameters[algorithm]
    const verifier = options === undefined ? key : { key, ...options }
    if (!verify(hash, Buffer.from(`${head}.${body}`), verifier, Buffer.from(signature, 'base64url'))) {
      throw invalidAnswer('id_token: signature')
    }

    const { iss, aud, azp, exp, iat, nonce: given } = claims.data
    const audiences = [aud].flat()
    const checks = {
      iss: iss === issuer,
      aud: audiences.includes(clientId),
      azp: azp === undefined ? audiences.length === 1 : azp === clientId,
      exp: exp > now - tolerance,
      iat: iat <= now + tolerance,
      nonce: given === nonce,
    }
    for (const [claim, holds] of Object.entries(checks))
      if (!holds) throw invalidAnswer(`id_token: "${claim}"`)
    return claims.data
  }
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
