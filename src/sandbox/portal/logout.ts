/** The checks of a logout token that a portal must make (OIDC Back-Channel Logout 1.0 §2.6). */
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
    // A token with a nonce is an ID token, which must not be accepted as a logout token.
    nonce: z.never('must not be there').optional(),
  })
  .refine(({ sid, sub }) => sid !== undefined || sub !== undefined, 'names neither sid nor sub')

/** Ends the sessions that match every given field. */
export interface LoggedOut {
  readonly sid?: string | undefined
  readonly sub?: string | undefined
}

/** @returns a check that throws if the token is forged, too old, for another client, or already used */
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
      // Shorter than `seen` keeps a `jti`, so that every replay is noticed.
      maxTokenAge: 180,
      clockTolerance: 5,
    })
    const { jti, sid, sub } = claimsSchema.parse(payload)
    if (seen.find(jti)) throw new Error('this logout token was used before')
    seen.put(true, jti)
    return { sid, sub }
  }
}
