/** A portal as its developers would write it: openid-client, discovery, nothing of ours. */
import * as client from 'openid-client'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'

export interface Portal {
  readonly config: client.Configuration
  /** The authorization address, and what the answer must match. */
  begin(parameters?: Record<string, string>): Promise<Begun>
  /** The whole way: to VNeID and back, code for tokens. */
  signIn(parameters?: Record<string, string>, visitor?: Visitor): Promise<SignedIn>
  redeem(answer: string, begun: Begun): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers>
}
export interface Begun {
  url: string
  state: string
  nonce: string
  verifier: string
}
export interface SignedIn {
  visitor: Visitor
  tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers
  claims: client.IDToken
  begun: Begun
}
export interface PortalOptions {
  issuer: string
  clientId: string
  redirectUri: string
  auth?: client.ClientAuth
  metadata?: Partial<client.ClientMetadata>
  par?: boolean
  dpop?: client.DPoPHandle
  scope?: string
}

export async function discoverPortal(options: PortalOptions): Promise<Portal> {
  const { issuer, clientId, redirectUri, auth, metadata, par, dpop, scope = 'openid profile' } = options
  const config = await client.discovery(new URL(issuer), clientId, metadata, auth, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const dpopOption = dpop ? { DPoP: dpop } : {}

  const portal: Portal = {
    config,
    async begin(parameters = {}) {
      const begun = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() }
      const wish = {
        redirect_uri: redirectUri,
        scope,
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
        ...parameters,
      }
      const url = par
        ? await client.buildAuthorizationUrlWithPAR(config, wish, dpopOption)
        : client.buildAuthorizationUrl(config, wish)
      return { ...begun, url: url.href }
    },
    async signIn(parameters, visitor = createVisitor()) {
      const begun = await portal.begin(parameters)
      const { url, body } = await visitor.open(begun.url, { until: (address) => address.startsWith(`${redirectUri}?`) })
      if (!url.startsWith(redirectUri)) throw new Error(`stopped at ${new URL(url).pathname}: ${body.slice(0, 300)}`)
      const tokens = await portal.redeem(url, begun)
      return { visitor, tokens, claims: tokens.claims()!, begun }
    },
    redeem: (answer, begun) =>
      client.authorizationCodeGrant(
        config,
        new URL(answer),
        { expectedNonce: begun.nonce, expectedState: begun.state, pkceCodeVerifier: begun.verifier },
        undefined,
        dpopOption,
      ),
  }
  return portal
}
