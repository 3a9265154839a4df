/** A portal's OpenID Connect client, as its own developers would write it, with openid-client and discovery. */
import { decodeProtectedHeader, exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import * as client from 'openid-client'
import { createLogoutTokenCheck, type LoggedOut } from './logout.ts'

export interface RelyingParty {
  /** Public keys for private_key_jwt, published at `/jwks`. */
  readonly publicKeys: JSONWebKeySet
  /** @param oldAccount id of the account that the portal vouches for; the request is then pushed, so that the browser does not carry the id */
  begin(oldAccount?: string): Promise<{ address: string; trip: Trip }>
  /** @throws if the broker refused the login, or if its answer is not valid */
  complete(answer: URL, trip: Trip): Promise<SignedIn>
  logoutAddress(session: SignedIn): string
  /** All changes of the portal's links, read with an access token of its own (client credentials). */
  readChanges(): Promise<LinkChange[]>
  /** @throws if the token is not valid */
  readLogoutToken(token: string): Promise<LoggedOut>
}

/** The values that the answer to one login must match. */
export interface Trip {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** One change in the feed of links. */
export interface LinkChange {
  readonly change: 'linked' | 'unlinked'
  readonly id: string
  readonly sub: string
  readonly method: string
}

/** The tokens and claims of the person who is signed in. */
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
  /** For client_secret_basic. Without a secret, uses private_key_jwt with a new key. */
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
    async begin(oldAccount) {
      const trip = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      }
      const request = {
        redirect_uri: `${url}/callback`,
        scope,
        state: trip.state,
        nonce: trip.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
        code_challenge_method: 'S256',
        ui_locales: 'vi',
      }
      const address =
        oldAccount === undefined
          ? client.buildAuthorizationUrl(config, request)
          : await client.buildAuthorizationUrlWithPAR(config, { ...request, legacy_account: oldAccount })
      return { address: address.href, trip }
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
    async readChanges() {
      const { access_token: token } = await client.clientCredentialsGrant(config, {
        scope: 'legacy_accounts',
      })
      const changes: LinkChange[] = []
      for (let after = '0', more = true; more;) {
        const feed = new URL(`${issuer}/legacy-accounts/changes?after=${after}`)
        const answer = await client.fetchProtectedResource(config, token, feed, 'GET')
        const page = (await answer.json()) as { changes: LinkChange[]; next: string; more: boolean }
        changes.push(...page.changes)
        ;({ next: after, more } = page)
      }
      return changes
    },
    readLogoutToken: createLogoutTokenCheck({ issuer, clientId, jwksUri }),
  }
}

/** Why a login failed. The broker's `error_description` contains the reference for the hotline (RFC 6749 §4.1.2.1). */
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
