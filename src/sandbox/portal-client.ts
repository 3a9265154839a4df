/** What a portal says to the broker, as its own developers would write it: openid-client and discovery. */
import { decodeProtectedHeader, exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import * as client from 'openid-client'
import { createLogoutTokenCheck, type LoggedOut } from './portal-logout.ts'

export interface RelyingParty {
  /** For private_key_jwt, to be published at `/jwks`. */
  readonly publicKeys: JSONWebKeySet
  begin(): Promise<{ address: string; trip: Trip }>
  /** @throws where the broker refused, or anything in its answer is wrong */
  complete(answer: URL, trip: Trip): Promise<SignedIn>
  logoutAddress(session: SignedIn): string
  /** @throws where the token is not acceptable */
  readLogoutToken(token: string): Promise<LoggedOut>
}

/** What the answer to one login must match. */
export interface Trip {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Who is signed in, as the broker told this portal. */
export interface SignedIn {
  readonly idToken: string
  readonly header: ReturnType<typeof decodeProtectedHeader>
  readonly claims: client.IDToken
  readonly userinfo: client.UserInfoResponse
}

export async function connectRelyingParty({
  issuer,
  clientId,
  scope,
  secret,
  url,
}: {
  issuer: string
  clientId: string
  scope: string
  /** For client_secret_basic; without one, private_key_jwt under a key made here. */
  secret?: string | undefined
  /** The portal's own origin. */
  url: string
}): Promise<RelyingParty> {
  const key = secret === undefined ? await generateKeyPair('ES256') : undefined
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    { id_token_signed_response_alg: 'ES256' },
    key ? client.PrivateKeyJwt({ key: key.privateKey, kid: clientId }) : client.ClientSecretBasic(secret),
    {
      execute: [
        client.enableNonRepudiationChecks,
        ...(issuer.startsWith('http:') ? [client.allowInsecureRequests] : []),
      ],
    },
  )
  const jwksUri = config.serverMetadata().jwks_uri!

  return {
    publicKeys: {
      keys: key ? [{ ...(await exportJWK(key.publicKey)), kid: clientId, alg: 'ES256', use: 'sig' }] : [],
    },
    async begin() {
      const trip = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      }
      const { href: address } = client.buildAuthorizationUrl(config, {
        redirect_uri: `${url}/callback`,
        scope,
        state: trip.state,
        nonce: trip.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
        code_challenge_method: 'S256',
        ui_locales: 'vi',
      })
      return { address, trip }
    },
    async complete(answer, { state, nonce, verifier }) {
      const tokens = await client.authorizationCodeGrant(config, answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const idToken = tokens.id_token!
      const claims = tokens.claims()!
      const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
      return { idToken, header: decodeProtectedHeader(idToken), claims, userinfo }
    },
    logoutAddress: ({ idToken }) =>
      client.buildEndSessionUrl(config, {
        id_token_hint: idToken,
        post_logout_redirect_uri: `${url}/signed-out`,
        ui_locales: 'vi',
      }).href,
    readLogoutToken: createLogoutTokenCheck({ issuer, clientId, jwksUri }),
  }
}

/** Why a login failed; the broker's own words carry the reference for the hotline (RFC 6749 §4.1.2.1). */
export interface Refusal {
  readonly error: string
  readonly detail: string
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof client.AuthorizationResponseError) {
    return { error: error.error, detail: `${error.error}: ${error.error_description ?? ''}` }
  }
  return { error: 'failed', detail: error instanceof Error ? error.message : String(error) }
}
