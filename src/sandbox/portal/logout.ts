/** What a portal must check before it believes a logout token (OIDC Back-Channel Logout 1.0 §2.6). */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import { shortLived } from '../simulator/desk.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'

const claimsSchema = z
  .object({
    jti: z.string().min(1),
    sid: z.string().optional(),
    sub: z.string().optional(),
    events: z.object({ [event]: z.object({}) }),
    // A token with a nonce is an ID token, lent for a forgery.
    nonce: z.never('must not be there').optional(),
  })
  .refine(({ sid, sub }) => sid !== undefined || sub !== undefined, 'names neither sid nor sub')

/** Whose sessions end: those that match all that is given. */
export interface LoggedOut {
  readonly sid?: string | undefined
  readonly sub?: string | undefined
}

/** @returns a check that throws on a token that is forged, stale, meant for another or used before */
export function createLogoutTokenCheck({
  issuer,
  clientId,
  jwksUri,
}: {
  issuer: string
  clientId: string
  jwksUri: string
}): (token: string) => Promise<LoggedOut> {
  const keys = createRemoteJWKSet(new URL(jwksUri))
  const seen = shortLived<true>(300)

  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms: ['ES256'],
      typ: 'logout+jwt',
      requiredClaims: ['iat', 'exp'],
      // Shorter than `seen` remembers, so that a replay is always told.
      maxTokenAge: 180,
      clockTolerance: 5,
    })
    const { jti, sid, sub } = claimsSchema.parse(payload)
    if (seen.find(jti)) throw new Error('this logout token was used before')
    seen.put(true, jti)
    return { sid, sub }
  }
}
