/** What can go wrong before a citizen's eyes; the sentences are in `pages/vi-errors.ts` and `pages/en-errors.ts`. */
export interface ErrorEntry {
  /** HTTP status of the page or JSON answer. */
  readonly status: number
  /** RFC 6749 §4.1.2.1 / OIDC Core §3.1.2.6 code the portal hears while its request is alive. */
  readonly oauth?: string
  /** `error` wakes someone, `warn` served but degraded, `info` is business as usual. */
  readonly level: 'error' | 'warn' | 'info'
  /** What it means, for the portal's developer and the operator. */
  readonly meaning: string
  /** What to do about it: the operator's side, and the portal's where there is one for it. */
  readonly remedy: string
  /** What the portal does that hears or meets it; every code that a citizen may see has it. */
  readonly portal?: string
}

export const citizenTable = {
  // The request itself
  request_invalid: {
    status: 400,
    level: 'info',
    meaning: 'The request is malformed or names a portal or address that is not registered.',
    remedy:
      'The log line says what was wrong. Many at once from one portal: it has changed something; tell it.',
    portal:
      'Compare the request with docs/integrate.md and mend it: the citizen is stuck here, and the portal hears nothing.',
  },
  portal_not_in_service: {
    status: 403,
    level: 'info',
    meaning: 'The portal is registered, but suspended, retired, not active yet, or gone over into another.',
    remedy: '"client show ID" tells the state and why. It comes back by "client activate ID".',
    portal: 'Call the operators. Take the button off your page until you are back in service.',
  },
  interaction_gone: {
    status: 400,
    level: 'info',
    meaning: 'The sign-in was finished already, expired, or belongs to another browser.',
    remedy:
      'Nothing for one. Many at once: the clocks, a Redis that lost its memory, or INTERACTION_TTL too short.',
    portal: 'Nothing to mend: begin each login anew, and never keep or share an address of ours.',
  },
  not_found: {
    status: 404,
    level: 'info',
    meaning: 'No such page.',
    remedy: 'Nothing, unless a proxy changes paths.',
    portal: 'Take every address from the discovery document.',
  },
  request_too_large: {
    status: 413,
    level: 'info',
    meaning: 'The request body is larger than any standard request needs.',
    remedy: 'Nothing on our side; the limits are in docs/operate/limits.md.',
    portal: 'Push the request (RFC 9126), or ask for less.',
  },

  // The identity source
  upstream_refused: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The citizen declined at VNeID, or VNeID declined the citizen.',
    remedy: 'Nothing on our side; the citizen may try again.',
    portal: 'Show the error, and offer “Đăng nhập bằng VNeID” again.',
  },
  upstream_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'VNeID did not answer in time, or answered with a server error.',
    remedy: 'Check the road to VNeID (address allow-list, TLS, its status). No fallback login exists.',
    portal:
      'Say that VNeID cannot be reached, and let the citizen try again in some minutes; do not retry by itself.',
  },
  upstream_rejected_us: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning: 'VNeID refused our code exchange or our client credentials.',
    remedy: 'Check UPSTREAM_CLIENT_ID, its secret or key, and the registered redirect URI.',
    portal: "As upstream_unavailable: nothing on the portal's side.",
  },
  upstream_answer_invalid: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning:
      'An answer of VNeID failed a check: signature, issuer, audience, time, nonce, envelope or schema.',
    remedy: 'The log names the check. Treat repeated failures as an attack or as a change of contract.',
    portal:
      "As upstream_unavailable: nothing on the portal's side. Give the reference to the operator if it repeats.",
  },
  upstream_authentication_stale: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'A fresh authentication was asked for and VNeID vouched only for an older one.',
    remedy: 'Many at once: VNeID ignores prompt or max_age.',
    portal: 'Ask once more with prompt=login; do not loop.',
  },

  // The person
  identifier_malformed: {
    status: 502,
    oauth: 'access_denied',
    level: 'error',
    meaning: 'VNeID sent an identification number that has not the form of one.',
    remedy: 'Check UPSTREAM_CLAIMS and the identifier patterns; no account was made.',
    portal: 'Send the citizen to the hotline with the reference.',
  },
  identifier_cancelled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The number was cancelled and replaced; it leads to nobody (Decree 70/2024 art. 11).',
    remedy: 'The citizen updates VNeID; an operator may move the subject to the new number.',
    portal: 'Tell the citizen to update VNeID first; the number the portal has recorded is no longer valid.',
  },
  subject_disabled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The subject was disabled by an operator.',
    remedy: 'See the audit events of the subject.',
    portal: 'Send the citizen to the hotline with the reference; end the session that the portal may have.',
  },
  kind_unauthorised: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'A person of an organisation who has no authority to act for it.',
    remedy: 'The organisation authorises the person in VNeID.',
    portal: 'Tell whoever acts for an organisation that it must authorise them in VNeID.',
  },
  kind_not_admitted: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The portal does not admit this kind of person.',
    remedy: 'If it should, change the kinds in the registered client.',
    portal: 'Say beside the button who is served. To admit more, change the agreement with the operator.',
  },
  level_unmet: {
    status: 403,
    oauth: 'unmet_authentication_requirements',
    level: 'info',
    meaning: 'The assurance level of the VNeID account is lower than the portal or the request asks for.',
    remedy: 'The citizen raises the VNeID account to level 02 at a police office.',
    portal: 'Tell the citizen how to reach level 02; ask for a lower level only where the service allows it.',
  },
  login_mismatch: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'Another person signed in than the one the portal asked for (id_token_hint or claims.sub).',
    remedy: 'Nothing on our side: a shared computer, mostly.',
    portal: "End the portal's own session, then begin again without id_token_hint.",
  },
  operator_unknown: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The person who signed in to the operators’ console is no operator, or is disabled or idle.',
    remedy: 'A security officer creates or enables the operator; many of these are somebody trying.',
    portal: 'Nothing: no portal begins this sign-in.',
  },

  // Ourselves
  too_many_requests: {
    status: 429,
    oauth: 'temporarily_unavailable',
    level: 'info',
    meaning: 'One browser, address or portal asked more than its share of a minute (docs/operate/limits.md).',
    remedy:
      'The metric limited_total tells which budget. A crowd behind one address: raise it by LIMITS; else look for a loop.',
    portal: 'Wait as long as Retry-After says. Ask for keys and discovery once an hour, not once a login.',
  },
  overloaded: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'The in-process state store is full.',
    remedy: 'Use Redis (STATE_URL), or raise STATE_LIMIT.',
    portal: 'Let the citizen try again in some minutes; do not retry by itself.',
  },
  store_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'PostgreSQL or Redis did not answer.',
    remedy: 'See /health/ready: it names the store.',
    portal: 'Let the citizen try again in some minutes; do not retry by itself.',
  },
  server_error: {
    status: 500,
    oauth: 'server_error',
    level: 'error',
    meaning: 'A fault of the broker.',
    remedy: 'Look the reference up in the log and report it.',
    portal: 'Give the reference to the operator.',
  },
} as const satisfies Record<string, ErrorEntry & { portal: string }>

/** Answers of the portals' and the operators' APIs (RFC 9457); no citizen ever reads them. */
export const apiTable = {
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
    meaning: 'The case or approval is not there, or it has ended already.',
    remedy: 'Read it again.',
  },
  second_person_needed: {
    status: 409,
    level: 'warn',
    meaning:
      'Who asked for it may not approve it, nor who made the machine that asked; a machine approves nothing.',
    remedy: 'Another operator of the same role approves.',
  },
  state_conflict: {
    status: 409,
    level: 'info',
    meaning: 'What was asked does not follow from the state the account, link or person is in.',
    remedy: 'Read it again; the detail names the state.',
  },
  definition_invalid: {
    status: 422,
    level: 'info',
    meaning: 'A definition of a portal, or the state asked for it, cannot stand; nothing was changed.',
    remedy: 'The detail names portal, field and what to write; mend the reviewed file and apply it again.',
  },
  client_incomplete: {
    status: 409,
    level: 'info',
    meaning: 'The portal lacks what the law, or its own definition, asks for before citizens may come to it.',
    remedy: 'The detail names each missing thing; add it to the reviewed file and apply that.',
  },
  precondition_required: {
    status: 428,
    level: 'info',
    meaning: 'The operation wants to know which version it changes, and the request does not say.',
    remedy: 'Read the resource and send its ETag as If-Match.',
  },
  precondition_failed: {
    status: 412,
    level: 'info',
    meaning: 'Somebody has changed the resource since it was read; nothing was changed.',
    remedy: 'Read it again, look at what is new, and send the new ETag as If-Match.',
  },
  idempotency_conflict: {
    status: 422,
    level: 'info',
    meaning: 'The Idempotency-Key was sent before, with another request; nothing was changed.',
    remedy: 'A new request takes a new key.',
  },
  idempotency_running: {
    status: 409,
    level: 'info',
    meaning: 'The first request with this Idempotency-Key is not done yet, or its node died at it.',
    remedy: 'Send the same request with the same key again; after five minutes a dead one is cleared.',
  },
  idempotency_lost: {
    status: 409,
    level: 'warn',
    meaning: 'The first request with this Idempotency-Key was carried out, but its answer is lost.',
    remedy: 'Do not repeat it. Read what it changed; the detail names its reference.',
  },
} as const satisfies Record<string, ErrorEntry>
