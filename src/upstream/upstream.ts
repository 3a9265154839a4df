/**
 * Toward the identity source. A dialect turns one trip of a citizen's browser into an `Identity`; there is no other way
 * into the broker. A trip is two calls:
 *
 *   begin      `Transaction` and wish (level, language) → the address at VNeID to which `login/` sends the browser;
 *   complete   the callback's query and the same `Transaction` → `Identity`:
 *              callback.ts       the query, read strictly, and its `state`;
 *              call.ts           code → tokens at VNeID's token endpoint, and its userinfo endpoint where the tokens do not
 *                                say enough; every call with a metric, a span and our own error codes;
 *              id-token.ts       signature, issuer, audience, nonce, times (OpenID Connect only);
 *              identity.ts       claims by the names that are configured → `Identity`.
 *
 * `oidc.ts` is OpenID Connect as the standards have it. `vneid.ts` is what implementers report of VNeID: OAuth 2 in an
 * envelope (`envelope.ts`). `open.ts` picks the one that is configured. This room knows nothing of portals, sessions or
 * who may enter.
 */
import type { Identifier } from '../citizen-id.ts'
import type { Gender, Level, PersonKind } from '../vocabulary.ts'

/** What VNeID vouches for. */
export interface Identity {
  readonly kind: PersonKind
  /** The natural person; for kind `organisation` the organisation itself. */
  readonly identifier: Identifier
  /** Whom a `representative` acts for. */
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
  /** Set when an older authentication at VNeID will not do: the age in seconds that still will (0: authenticate now). */
  readonly maxAge?: number
  /** When the trip began, seconds since the epoch. */
  readonly begunAt: number
}

export interface Upstream {
  /** The absolute address to send the citizen to. */
  begin(transaction: Transaction, wish: { level?: Level; locale?: 'vi' | 'en' }): Promise<string>
  /**
   * @param query the callback's query string exactly as received, without `?` (VNeID sends raw `+`)
   * @throws BrokerError `upstream_*` or `identifier_malformed`; never falls through to unchecked data
   */
  complete(query: string, transaction: Transaction): Promise<Identity>
  /** Where to send the citizen to end the session at VNeID; undefined where the dialect offers none. */
  end(request: { state: string; returnTo: string }): Promise<string | undefined>
  /** Resolves when VNeID answers; for /health/ready. */
  ready(): Promise<void>
}
