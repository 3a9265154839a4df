/**
 * Authenticates portals at their own API, by an access token of the client credentials grant. A citizen's access token is
 * not accepted.
 */
import { hash } from 'node:crypto'
import { EmbeddedJWK, type JWK, calculateJwkThumbprint, jwtVerify } from 'jose'
import type { Context } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import { BrokerError } from '../errors.ts'

export const neededScope = 'legacy_accounts'
/** The algorithms that the engine accepts for DPoP proofs at its own endpoints. */
export const proofAlgorithms = ['ES256', 'Ed25519', 'EdDSA']
/** Seconds by which a proof's `iat` may differ from our clock. */
const tolerance = 300

/** @param needs the scope that both the token and the portal's registration must have; undefined: none */
export type AuthenticatePortal = (ctx: Context, needs: string | undefined) => Promise<Client>

/** Must run within a unit of work. @throws BrokerError `unauthenticated` if the token is not valid, `forbidden` if it lacks the scope or the portal the grant type */
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
    // A DPoP-bound token without its proof may be stolen (RFC 9449 §7.1).
    const { jkt } = token as { jkt?: string }
    const isProven = scheme.toLowerCase() === 'dpop'
    if ((jkt !== undefined) !== isProven) throw new BrokerError('unauthenticated')
    if (jkt !== undefined) {
      const proof = await readProof(ctx, value, issuer)
      // The `jti` is kept as long as the proof would be accepted.
      const until = Math.ceil(proof?.iat ?? 0) + tolerance + 1
      if (proof?.jkt !== jkt || !(await provider.ReplayDetection.unique(client.clientId, proof.jti, until))) {
        throw new BrokerError('unauthenticated')
      }
    }
    // Both the token and the current registration must have the scope.
    const allowed =
      needs === undefined || (client.scope?.split(' ').includes(needs) && token.scopes.has(needs))
    if (!allowed || !client.grantTypeAllowed('client_credentials'))
      throw new BrokerError(
        'forbidden',
        needs === undefined
          ? 'the portal needs the grant type client_credentials'
          : `needs the scope ${needs}`,
      )
    return client
  }
}

/** Checks a DPoP proof (RFC 9449 §4.3). We require no nonce here, so one from the token endpoint is ignored. @returns undefined if the proof is not valid */
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
