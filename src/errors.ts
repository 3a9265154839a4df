/**
 * Everything that can go wrong, in one table. `throw new BrokerError(code)` anywhere; the boundary
 * (`http/boundary.ts`) logs it once and answers. The citizen's sentence for each code is in
 * `pages/vi.ts` and `pages/en.ts`.
 */

interface ErrorEntry {
  /** HTTP status of the page or JSON answer. */
  readonly status: number
  /** RFC 6749 §4.1.2.1 / OIDC Core §3.1.2.6 code the portal hears while its request is alive. */
  readonly oauth?: string
  /** `error` wakes someone, `warn` served but degraded, `info` is business as usual. */
  readonly level: 'error' | 'warn' | 'info'
  /** What it means, for the portal's developer and the operator. */
  readonly meaning: string
  /** What to do about it. */
  readonly remedy: string
}

const citizenTable = {
  // The request itself
  request_invalid: {
    status: 400,
    level: 'info',
    meaning: 'The request is malformed or names a portal or address that is not registered.',
    remedy: 'Compare the request with docs/integrate.md; the description names the parameter.',
  },
  interaction_gone: {
    status: 400,
    level: 'info',
    meaning: 'The sign-in was finished already, expired, or belongs to another browser.',
    remedy: 'Start again from the portal. Many at once: check the clock and the state store.',
  },
  not_found: {
    status: 404,
    level: 'info',
    meaning: 'No such page.',
    remedy: 'Check the address.',
  },
  request_too_large: {
    status: 413,
    level: 'info',
    meaning: 'The request body is larger than any standard request needs.',
    remedy: 'Use a pushed authorization request (RFC 9126) for large requests.',
  },

  // The identity source
  upstream_refused: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The citizen declined at VNeID, or VNeID declined the citizen.',
    remedy: 'Nothing on our side; the citizen may try again.',
  },
  upstream_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'VNeID did not answer in time, or answered with a server error.',
    remedy: 'Check the road to VNeID (address allow-list, TLS, its status). No fallback login exists.',
  },
  upstream_rejected_us: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning: 'VNeID refused our code exchange or our client credentials.',
    remedy: 'Check UPSTREAM_CLIENT_ID, its secret or key, and the registered redirect URI.',
  },
  upstream_answer_invalid: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning:
      'An answer of VNeID failed a check: signature, issuer, audience, time, nonce, envelope or schema.',
    remedy: 'The log names the check. Treat repeated failures as an attack or as a change of contract.',
  },
  upstream_authentication_stale: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'A fresh authentication was asked for and VNeID vouched only for an older one.',
    remedy: 'The portal repeats the request; if it persists, VNeID ignores prompt or max_age.',
  },

  // The person
  identifier_malformed: {
    status: 502,
    oauth: 'access_denied',
    level: 'error',
    meaning: 'VNeID sent an identification number that has not the form of one.',
    remedy: 'Check UPSTREAM_CLAIMS and the identifier patterns; no account was made.',
  },
  identifier_cancelled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The number was cancelled and replaced; it leads to nobody (Decree 70/2024 art. 11).',
    remedy: 'The citizen updates VNeID; an operator may move the subject to the new number.',
  },
  subject_disabled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The subject was disabled by an operator.',
    remedy: 'See the audit events of the subject.',
  },
  kind_unauthorised: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'A person of an organisation who has no authority to act for it.',
    remedy: 'The organisation authorises the person in VNeID.',
  },
  kind_not_admitted: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The portal does not admit this kind of person.',
    remedy: 'If it should, change the kinds in the registered client.',
  },
  level_unmet: {
    status: 403,
    oauth: 'unmet_authentication_requirements',
    level: 'info',
    meaning: 'The assurance level of the VNeID account is lower than the portal or the request asks for.',
    remedy: 'The citizen raises the VNeID account to level 02 at a police office.',
  },
  login_mismatch: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'Another person signed in than the one the portal asked for (id_token_hint or claims.sub).',
    remedy: 'The portal ends its own session and starts again.',
  },

  // Ourselves
  overloaded: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'The in-process state store is full.',
    remedy: 'Use Redis (STATE_URL), or raise STATE_LIMIT.',
  },
  store_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'PostgreSQL or Redis did not answer.',
    remedy: 'See /health/ready: it names the store.',
  },
  server_error: {
    status: 500,
    oauth: 'server_error',
    level: 'error',
    meaning: 'A fault of the broker.',
    remedy: 'Look the reference up in the log and report it.',
  },
} as const satisfies Record<string, ErrorEntry>

/** Answers of the portals' and the operators' APIs (RFC 9457); no citizen ever reads them. */
const apiTable = {
  unauthenticated: {
    status: 401,
    level: 'info',
    meaning: 'The credential is missing, malformed, expired, used before, or of somebody not known here.',
    remedy: 'Portals: a new access token by client credentials. Operators: the right key, and a right clock.',
  },
  forbidden: {
    status: 403,
    level: 'warn',
    meaning: 'The credential is good, but not for this.',
    remedy: 'The portal lacks the scope, or the operator the role.',
  },
  input_invalid: {
    status: 400,
    level: 'info',
    meaning: 'A parameter or the body is not what the operation takes; nothing was changed.',
    remedy: 'The detail names the field.',
  },
  import_invalid: {
    status: 422,
    level: 'info',
    meaning: 'The file cannot be read as it is; nothing of it was imported.',
    remedy: 'The detail names line and column. Mend the file and import it again.',
  },
  account_unknown: {
    status: 404,
    level: 'info',
    meaning: 'The portal has no legacy account of that id.',
    remedy: 'Import it first, or compare the id with the imported one: it is taken letter by letter.',
  },
  case_gone: {
    status: 409,
    level: 'info',
    meaning: 'The case or proposal is not there, or somebody has decided it already.',
    remedy: 'Read it again.',
  },
  second_person_needed: {
    status: 409,
    level: 'warn',
    meaning: 'Who proposed a decision may not approve it.',
    remedy: 'Another operator of the same role approves.',
  },
  state_conflict: {
    status: 409,
    level: 'info',
    meaning: 'What was asked does not follow from the state the account, link or person is in.',
    remedy: 'Read it again; the detail names the state.',
  },
} as const satisfies Record<string, ErrorEntry>

/** Codes with a page, and so with sentences in `pages/vi.ts` and `pages/en.ts`. */
export type CitizenErrorCode = keyof typeof citizenTable
export type ErrorCode = CitizenErrorCode | keyof typeof apiTable

export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = { ...citizenTable, ...apiTable }
export const isForCitizens = (code: ErrorCode): code is CitizenErrorCode => code in citizenTable

/** A failure with a code of the table. `detail` is for the log and the portal's developer: never a person's datum or a secret. */
export class BrokerError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined

  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(detail === undefined ? code : `${code}: ${detail}`, options)
    this.name = 'BrokerError'
    this.code = code
    this.detail = detail
  }

  /** As the engine and Koa read it. */
  get statusCode(): number {
    return errorTable[this.code].status
  }
}
