/**
 * The client side, toward VNeID, the only identity source. A dialect turns one trip of a citizen's browser into an
 * `Identity`. A trip is two calls:
 *
 *   begin      `Transaction`, level and language → the URL at VNeID to which `login/` sends the browser;
 *   complete   the callback's query and the same `Transaction` → `Identity`:
 *              callback.ts       reads the query strictly and checks `state`;
 *              call.ts           code → tokens at VNeID's token endpoint, and userinfo if the ID token lacks claims; every
 *                                call has a metric, a span and our own error codes;
 *              id-token.ts       checks signature, issuer, audience, nonce and times (OpenID Connect only);
 *              identity.ts       claims by their configured names → `Identity`.
 *
 * `oidc.ts` is standard OpenID Connect. `vneid.ts` is the interface that implementers report of VNeID: OAuth 2 in an
 * envelope (`envelope.ts`). `open.ts` opens the configured one. This room knows nothing about portals, sessions or who may
 * enter.
 */
import type { Identifier } from '../citizen-id.ts'
import type { Gender, Level, PersonKind } from '../vocabulary.ts'

/** What VNeID vouches for. */
export interface Identity {
  readonly kind: PersonKind
  /** The natural person; for kind `organisation` the organisation itself. */
  readonly identifier: Identifier
  /** The organisation that a `representative` acts for. */
  readonly organisation?: { readonly identifier: Identifier; readonly name?: string }
  /** VNeID "mức độ 01/02"; organisations have none. */
  readonly level?: Level
  readonly name?: string
  /** `YYYY-MM-DD`, or `YYYY` where only the year is known. */
  readonly birthDate?: string
  readonly gender?: Gender
  /** When the citizen authenticated at VNeID, seconds since the epoch. */
  readonly authenticatedAt: number
}

/** One trip upstream, derived from the interaction and never stored. */
export interface Transaction {
  readonly state: string
  readonly nonce: string
  /** PKCE verifier (RFC 7636 §4.1). */
  readonly codeVerifier: string
  /** Maximum age in seconds of the authentication at VNeID; 0 requires a new one, undefined allows any. */
  readonly maxAge?: number
  /** When the trip began, seconds since the epoch. */
  readonly begunAt: number
}

export interface Upstream {
  /** @returns the absolute URL to which the browser is redirected. @throws BrokerError `upstream_*` */
  begin(transaction: Transaction, wish: { level?: Level; locale?: 'vi' | 'en' }): Promise<string>
  /**
   * @param query the callback's query string exactly as received, without `?` (VNeID sends raw `+`)
   * @returns the identity, only after every check has passed
   * @throws BrokerError `upstream_*` or `identifier_malformed`
   */
  complete(query: string, transaction: Transaction): Promise<Identity>
  /** @returns the URL that ends the session at VNeID; undefined if there is none */
  end(request: { state: string; returnTo: string }): Promise<string | undefined>
  /** For /health/ready: resolves if VNeID answers. @throws BrokerError `upstream_unavailable` */
  ready(): Promise<void>
}
