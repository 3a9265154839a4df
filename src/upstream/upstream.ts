/**
 * Toward the identity source. A dialect turns one trip of a citizen's browser into an `Identity`;
 * there is no other way into the broker.
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
  /** Where to send the citizen to end the session at VNeID; undefined where the road offers none. */
  end(request: { state: string; returnTo: string }): Promise<string | undefined>
  /** Resolves when the road is configured and answers; for /health/ready. */
  ready(): Promise<void>
}
