/** Reads the callback's query, which comes through the citizen's browser, and checks that its `state` belongs to this trip. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { BrokerError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { invalidAnswer } from './identity.ts'

export type Callback = Readonly<Partial<Record<keyof typeof patterns, string>>>

/** RFC 6749 Appendix A; `encrypt_key` is base64. Parameters of other names are ignored (§4.1.2). */
const patterns = {
  code: /^[\x20-\x7e]{1,4096}$/,
  state: /^[\x20-\x7e]{1,512}$/,
  iss: /^https?:\/\/[\x21-\x7e]{1,500}$/,
  error: /^[a-z_]{1,64}$/,
  encrypt_key: /^[A-Za-z0-9+/]{1,1400}={0,2}$/,
}
const isKnown = (name: string): name is keyof typeof patterns => Object.hasOwn(patterns, name)

/**
 * @param query as received: VNeID writes base64 with a bare `+`, which a form parser would turn into a space
 * @throws BrokerError `upstream_answer_invalid` if a parameter is repeated or malformed, or `state` is not the expected one
 */
export function readCallback(query: string, expectedState: string): Callback {
  const found: { [name in keyof typeof patterns]?: string } = {}
  for (const pair of query.split('&')) {
    const [name, value] = split(pair)
    if (!isKnown(name)) continue
    // RFC 6749 §3.1: a parameter is never included more than once.
    if (found[name] !== undefined) throw invalidAnswer(`callback: ${name} given twice`)
    if (!patterns[name].test(value)) throw invalidAnswer(`callback: ${name} malformed`)
    found[name] = value
  }
  if (!isSame(found.state ?? '', expectedState)) throw invalidAnswer('callback: state is not of this trip')
  return found
}

/** OAuth errors with a code of their own (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6); all others are `upstream_refused`. */
const meanings = new Map<string, ErrorCode>([
  ['login_required', 'upstream_authentication_stale'],
  ['interaction_required', 'upstream_authentication_stale'],
  ['server_error', 'upstream_unavailable'],
  ['temporarily_unavailable', 'upstream_unavailable'],
  ['invalid_request', 'upstream_rejected_us'],
  ['invalid_scope', 'upstream_rejected_us'],
  ['unauthorized_client', 'upstream_rejected_us'],
  ['unsupported_response_type', 'upstream_rejected_us'],
])

/** The authorization code. @throws BrokerError if the callback has an error instead, or neither */
export function codeOf({ code, error }: Callback): string {
  if (error !== undefined)
    throw new BrokerError(meanings.get(error) ?? 'upstream_refused', `callback: ${error}`)
  if (code === undefined) throw invalidAnswer('callback: code missing')
  return code
}

function split(pair: string): [string, string] {
  const at = pair.indexOf('=')
  try {
    if (at < 0) return [decodeURIComponent(pair), '']
    return [decodeURIComponent(pair.slice(0, at)), decodeURIComponent(pair.slice(at + 1))]
  } catch {
    throw invalidAnswer('callback: percent-encoding')
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Constant-time comparison; hashing makes the lengths equal. An empty `expected` matches nothing. */
function isSame(given: string, expected: string): boolean {
  return expected !== '' && timingSafeEqual(digest(given), digest(expected))
}
