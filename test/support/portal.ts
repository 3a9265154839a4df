/** A portal as its developers would write it: openid-client and discovery, without code of ours. */
import * as client from 'openid-client'
import { type Page, type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'

export interface Portal {
  readonly config: client.Configuration
  /** The authorization URL, and the values that the answer must match. */
  begin(parameters?: Record<string, string>): Promise<Begun>
  /** The whole flow: to VNeID and back, then the code for tokens. */
  signIn(parameters?: Record<string, string>, visitor?: Visitor): Promise<SignedIn>
  /** Only the front channel: the browser's last page, and the portal's answer if the browser returns to it. */
  ask(parameters?: Record<string, string>, visitor?: Visitor): Promise<Asked>
  redeem(
    answer: string,
    begun: Begun,
  ): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers>
  refresh(
    refreshToken: string | undefined,
  ): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers>
  userinfo(accessToken: string, sub?: string): Promise<client.UserInfoResponse>
}
export interface Begun {
  url: string
  state: string
  nonce: string
  verifier: string
}
export interface Asked {
  visitor: Visitor
  begun: Begun
  page: Page
  answer: Record<string, string>
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
  /** Signs the authorization request (RFC 9101). */
  jar?: client.CryptoKey
  dpop?: client.CryptoKeyPair
  scope?: string
}

export async function discoverPortal(options: PortalOptions): Promise<Portal> {
  const { issuer, clientId, redirectUri, auth, metadata, par, jar, dpop, scope = 'openid profile' } = options
  const config = await client.discovery(new URL(issuer), clientId, metadata, auth, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const dpopOption = dpop ? { DPoP: client.getDPoPHandle(config, dpop) } : {}

  const portal: Portal = {
    config,
    async begin(parameters = {}) {
      const begun = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      }
      const wish = {
        redirect_uri: redirectUri,
        scope,
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
        ...parameters,
      }
      const signed = jar && (await client.buildAuthorizationUrlWithJAR(config, wish, jar))
      const url = par
        ? await client.buildAuthorizationUrlWithPAR(config, signed?.searchParams ?? wish, dpopOption)
        : (signed ?? client.buildAuthorizationUrl(config, wish))
      return { ...begun, url: url.href }
    },
    async ask(parameters, visitor = createVisitor()) {
      const begun = await portal.begin(parameters)
      const page = await visitor.open(begun.url, {
        until: (address) => address.startsWith(`${redirectUri}?`),
      })
      const answer = page.url.startsWith(redirectUri)
        ? Object.fromEntries(new URL(page.url).searchParams)
        : {}
      return { visitor, begun, page, answer }
    },
    async signIn(parameters, visitor = createVisitor()) {
      const { begun, page } = await portal.ask(parameters, visitor)
      const { url, body } = page
      if (!url.startsWith(redirectUri))
        throw new Error(`stopped at ${new URL(url).pathname}: ${body.slice(0, 300)}`)
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
    refresh: (refreshToken) => client.refreshTokenGrant(config, refreshToken ?? '', undefined, dpopOption),
    userinfo: (accessToken, sub) =>
      client.fetchUserInfo(config, accessToken, sub ?? client.skipSubjectCheck, dpopOption),
  }
  return portal
}

/** Submits the page's form with a button, as a browser without scripts does. */
export function press(
  visitor: Visitor,
  page: Page,
  button: Record<string, string> = {},
  until?: (url: string) => boolean,
): Promise<Page> {
  const [, action] = /<form method="post" action="([^"]+)"/.exec(page.body) ?? []
  if (action === undefined) throw new Error(`no form: ${page.body.slice(0, 300)}`)
  const inputs = [...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  const form = Object.fromEntries(inputs.map(([, name, value]) => [name, value]))
  return visitor.open(new URL(action, page.url).href, {
    form: { ...form, ...button },
    ...(until && { until }),
  })
}
