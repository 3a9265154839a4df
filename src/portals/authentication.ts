/**
 * The portals' own API: what a portal asks and tells without a citizen. It comes as the client that it is, with
 * an access token of the client credentials grant; a citizen's token opens nothing here.
 */
import { hash } from 'node:crypto'
import { EmbeddedJWK, type JWK, calculateJwkThumbprint, jwtVerify } from 'jose'
import type { Context } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import { BrokerError } from '../errors.ts'

export const neededScope = 'legacy_accounts'
/** As the engine takes them at its own endpoints. */
export const proofAlgorithms = ['ES256', 'Ed25519', 'EdDSA']
/** Seconds that a proof's clock may be away from ours. */
const tolerance = 300

/** @param needs a scope, of the token and of the portal's registration */
export type AuthenticatePortal = (ctx: Context, needs: string | undefined) => Promise<Client>

/** Runs within a unit of work. Throws `unauthenticated` whatever is wrong with the token, `forbidden` when it is good. */
export function createPortalAuthentication({
  provider,
  issuer,
}: {
  provider: Provider
  issuer: string
}): AuthenticatePortal {
  return async function authenticate(ctx, needs) {
    const [, scheme = '', value = ''] = /^(Bearer|DPoP) ([\w.~+/-]+=*)$/i.exec(ctx.get('authorization')) ?? []
    const token = value === '' ? undefined : await provider.ClientCredentials.find(value)
    const client = token?.clientId === undefined ? undefined : await provider.Client.find(token.clientId)
    if (token === undefined || client === undefined) throw new BrokerError('unauthenticated')
    // A bound token without its proof may be a stolen one (RFC 9449 §7.1).
    const { jkt } = token as { jkt?: string }
    const isProven = scheme.toLowerCase() === 'dpop'
    if ((jkt !== undefined) !== isProven) throw new BrokerError('unauthenticated')
    if (jkt !== undefined) {
      const proof = await readProof(ctx, value, issuer)
      // As long as the proof would be taken.
      const until = Math.ceil(proof?.iat ?? 0) + tolerance + 1
      if (proof?.jkt !== jkt || !(await provider.ReplayDetection.unique(client.clientId, proof.jti, until))) {
        throw new BrokerError('unauthenticated')
      }
    }
    // What the registry says now counts beside what the token was given.
    const allowed =
      needs === undefined || (client.scope?.split(' ').includes(needs) && token.scopes.has(needs))
    if (!allowed || !client.grantTypeAllowed('client_credentials'))
      throw new BrokerError(
        'forbidden',
        needs === undefined ? 'needs the grant client_credentials' : `needs the scope ${needs}`,
      )
    return client
  }
}

/** RFC 9449 §4.3. Nonces are not asked for, so one that came from the token endpoint is not looked at. */
async function readProof(
  ctx: Context,
  token: string,
  issuer: string,
): Promise<{ jkt: string; jti: string; iat: number } | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(ctx.get('dpop'), EmbeddedJWK, {
      algorithms: proofAlgorithms,
      typ: 'dpop+jwt',
    })
    const { htm, htu, ath, iat, jti } = payload as Readonly<Record<string, unknown>>
    const at = URL.parse(String(htu))
    const isGood =
      htm === ctx.method &&
      at !== null &&
      at.origin + at.pathname === new URL(ctx.path, issuer).href &&
      ath === hash('sha256', token, 'base64url') &&
      typeof iat === 'number' &&
      Math.abs(Date.now() / 1000 - iat) <= tolerance
    if (!isGood || typeof jti !== 'string' || jti === '') return undefined
    return { jkt: await calculateJwkThumbprint(protectedHeader.jwk as JWK), jti, iat }
  } catch {
    return undefined
  }
}
