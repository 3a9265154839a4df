import { createPrivateKey, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Config } from '../config/config.ts'

/** Authenticates us at the token endpoint: headers and form fields. `now` in seconds since the epoch. */
export type ClientAuthentication = (
  now: number,
) => Promise<{ headers: Readonly<Record<string, string>>; fields: Readonly<Record<string, string>> }>

/** `private_key_jwt` (OIDC Core §9) where a key is configured, `client_secret_basic` otherwise. */
export function createClientAuthentication(
  { clientId, clientKey, clientKeyId, clientSecret }: Config['upstream'],
  issuer: string,
): ClientAuthentication {
  if (clientKey === undefined) {
    // RFC 6749 §2.3.1: both are form-encoded first.
    const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
    const pair = `${encode(clientId)}:${encode(clientSecret ?? '')}`
    const headers = { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
    return () => Promise.resolve({ headers, fields: {} })
  }
  const key = createPrivateKey(clientKey)
  const alg = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256'
  return async (now) => {
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg, ...(clientKeyId !== undefined && { kid: clientKeyId }) })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(key)
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return {
      headers: {},
      fields: { client_id: clientId, client_assertion: assertion, client_assertion_type: type },
    }
  }
}
