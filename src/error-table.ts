/** Every error code with its status and what it means. Citizens' sentences are in `pages/vi-errors.ts` and `pages/en-errors.ts`. */
export interface ErrorEntry {
  /** HTTP status of the page or JSON answer. */
  readonly status: number
  /** Error code sent to the portal while its request is open (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6). */
  readonly oauth?: string
  /** `error`: wakes the operator on duty; `warn`: unusual, to be looked at; `info`: normal operation. */
  readonly level: 'error' | 'warn' | 'info'
  /** What the code means, for operators and portals' developers. */
  readonly meaning: string
  /** What the operator does about it; for codes of the portals' API also what the portal does. */
  readonly remedy: string
  /** What the portal does about it. Every code that a citizen may see has this. */
  readonly portal?: string
}

export const citizenTable = {
  // The request itself
  request_invalid: {
    status: 400,
    level: 'info',
    meaning: 'The request is malformed, or names a portal or redirect URI that is not registered.',
    remedy: 'The log line says what is wrong. If one portal causes many of these, tell it.',
    portal: 'Compare the request with docs/integrate.md. The citizen sees our error page.',
  },
  portal_not_in_service: {
    status: 403,
    level: 'info',
    meaning: 'The portal is registered, but suspended, retired, not active yet, or merged into another.',
    remedy: '"client show ID" shows the state and the reason. "client activate ID" ends a suspension.',
    portal: 'Call the operators. Remove the sign-in button from your page until you are in service again.',
  },
  interaction_gone: {
    status: 400,
    level: 'info',
    meaning: 'The sign-in is already finished, has expired, or belongs to another browser.',
    remedy:
      'A single one needs nothing. If there are many at once, check the clocks, whether Redis lost its data, and whether INTERACTION_TTL is too short.',
    portal: 'Nothing to correct. Start each login at /auth; never store or share a URL of our pages.',
  },
  not_found: {
    status: 404,
    level: 'info',
    meaning: 'There is no such page.',
    remedy: 'Usually nothing. Check whether a proxy changes paths.',
    portal: 'Take every endpoint URL from the discovery document.',
  },
  request_too_large: {
    status: 413,
    level: 'info',
    meaning: 'The request body is larger than we accept, or the request has more than 100 parameters.',
    remedy: 'Nothing. docs/operate/limits.md lists the limits.',
    portal: 'Push the request (RFC 9126), or send fewer parameters.',
  },

  // The identity source
  upstream_refused: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The citizen cancelled at VNeID, or VNeID refused the citizen.',
    remedy: 'Nothing. The citizen can try again.',
    portal: 'Show the error, and offer “Đăng nhập bằng VNeID” again.',
  },
  upstream_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'VNeID did not answer in time, or answered with a server error.',
    remedy: 'Check the connection to VNeID: allow-list, TLS, its status. There is no other login.',
    portal: 'Tell the citizen to try again in a few minutes. Do not retry automatically.',
  },
  upstream_rejected_us: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning: 'VNeID refused our code exchange or our client credentials.',
    remedy: 'Check UPSTREAM_CLIENT_ID, its secret or key, and the registered redirect URI.',
    portal: 'Nothing to correct. Tell the citizen to try again in a few minutes. Do not retry automatically.',
  },
  upstream_answer_invalid: {
    status: 502,
    oauth: 'server_error',
    level: 'error',
    meaning: "VNeID's answer failed a check: signature, issuer, audience, time, nonce, envelope or schema.",
    remedy: 'The log names the check. If it repeats, it is an attack, or VNeID has changed its interface.',
    portal:
      'Nothing to correct. Tell the citizen to try again in a few minutes. If it happens again, give the reference to the operators.',
  },
  upstream_authentication_stale: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'The portal required a recent authentication, and VNeID vouched only for an older one.',
    remedy: 'If there are many, VNeID ignores prompt or max_age: report it to VNeID.',
    portal: 'Send the request once more with prompt=login. Do not repeat it automatically.',
  },

  // The person
  identifier_malformed: {
    status: 502,
    oauth: 'access_denied',
    level: 'error',
    meaning: 'VNeID sent an identification number that is not well-formed.',
    remedy: 'Check UPSTREAM_CLAIMS and the patterns in src/citizen-id.ts. No subject was created.',
    portal: 'Send the citizen to the hotline with the reference.',
  },
  identifier_cancelled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The number was cancelled and replaced (Decree 70/2024 art. 11).',
    remedy: 'The citizen updates VNeID. An operator can move the subject to the new number.',
    portal: 'Tell the citizen to update VNeID first. The number in your records is no longer valid.',
  },
  subject_disabled: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'An operator has disabled the subject.',
    remedy: "The subject's audit events say who disabled it and why.",
    portal: "Send the citizen to the hotline with the reference, and end the portal's own session.",
  },
  kind_unauthorised: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The person signed in for an organisation, but has no authority to act for it.',
    remedy: 'Nothing. The organisation must authorise the person in VNeID.',
    portal: 'Tell the person that the organisation must authorise them in VNeID.',
  },
  kind_not_admitted: {
    status: 403,
    oauth: 'access_denied',
    level: 'info',
    meaning: 'The portal does not admit this kind of person (citizen, foreigner, organisation).',
    remedy: "If it should, change the kinds in the portal's definition.",
    portal: 'Say beside the button who can use it. To admit more kinds, ask the operators.',
  },
  level_unmet: {
    status: 403,
    oauth: 'unmet_authentication_requirements',
    level: 'info',
    meaning: 'The assurance level of the VNeID account is lower than the portal or its request requires.',
    remedy: 'Nothing. The citizen upgrades the VNeID account to level 02 at a police office.',
    portal: 'Tell the citizen how to get level 02. Request a lower level only where the service allows it.',
  },
  login_mismatch: {
    status: 403,
    oauth: 'login_required',
    level: 'info',
    meaning: 'Another person signed in than the one that the portal requested (id_token_hint or claims.sub).',
    remedy: 'Nothing. It happens mostly on shared computers.',
    portal: "End the portal's own session, then start the login again without id_token_hint.",
  },
  operator_unknown: {
    status: 403,
    oauth: 'access_denied',
    level: 'warn',
    meaning: 'The person who signed in to the console is not an operator, or is disabled or inactive.',
    remedy: 'A security officer creates or enables the operator. Many of these may be an attack.',
    portal: 'Nothing. Portals do not start this sign-in.',
  },

  // Ourselves
  too_many_requests: {
    status: 429,
    oauth: 'temporarily_unavailable',
    level: 'info',
    meaning: 'A browser, address or portal has spent its budget of requests (docs/operate/limits.md).',
    remedy:
      'The metric limited_total names the budget. If many citizens share one address, raise that budget in LIMITS; otherwise look for a client that loops.',
    portal: 'Wait for the seconds in Retry-After. Fetch keys and discovery hourly, not at every login.',
  },
  overloaded: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'The state store is nearly full: no new sign-in can begin; those under way continue.',
    remedy: 'Raise maxmemory of Redis, or STATE_LIMIT_MB. limited_total shows a flood.',
    portal: 'Tell the citizen to try again in a few minutes. Do not retry automatically.',
  },
  store_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    level: 'error',
    meaning: 'PostgreSQL or Redis did not answer.',
    remedy: 'Look at /health/ready: it names the store that does not answer.',
    portal: 'Tell the citizen to try again in a few minutes. Do not retry automatically.',
  },
  server_error: {
    status: 500,
    oauth: 'server_error',
    level: 'error',
    meaning: 'The broker failed: a defect in its code or its setup.',
    remedy: 'Find the reference in the log, and report the error.',
    portal: 'Give the reference to the operators.',
  },
} as const satisfies Record<string, ErrorEntry & { portal: string }>

/** Codes of the portals' and the operators' APIs (RFC 9457). Citizens never see them. */
export const apiTable = {
  unauthenticated: {
    status: 401,
    level: 'info',
    meaning: 'The credential is missing, malformed, expired, already used, or unknown.',
    remedy: 'Portals: get a new access token. Operators: sign with the registered key; check the clock.',
  },
  forbidden: {
    status: 403,
    level: 'warn',
    meaning: 'The credential is valid, but does not permit this operation.',
    remedy: 'Portals: request the scope that the operation needs. Operators: ask for the role.',
  },
  input_invalid: {
    status: 400,
    level: 'info',
    meaning: 'A parameter or the body is not valid for the operation. Nothing was changed.',
    remedy: 'The detail names the field and what it must be. Correct it and send the request again.',
  },
  import_invalid: {
    status: 422,
    level: 'info',
    meaning: 'The file cannot be read. Nothing was imported.',
    remedy: 'The detail names line and column. Correct the file and import it again.',
  },
  account_unknown: {
    status: 404,
    level: 'info',
    meaning: 'The portal has no legacy account with that id.',
    remedy: 'Import the account first, or compare the id with the imported one. Ids are case-sensitive.',
  },
  cursor_gone: {
    status: 410,
    level: 'warn',
    meaning: 'The feed has no such change: the broker was restored from a backup, or the cursor is invented.',
    remedy:
      'After a restore every portal that was ahead of the dump gets this once. The portal reads from the start again, and removes the links that the feed does not contain.',
  },
  case_gone: {
    status: 409,
    level: 'info',
    meaning: 'The case or approval does not exist, or has already ended.',
    remedy: 'List the open cases or approvals again.',
  },
  second_person_needed: {
    status: 409,
    level: 'warn',
    meaning: 'Not the operator who asked, nor the creator of the machine that asked; never a machine.',
    remedy: 'Another operator with the same role approves it.',
  },
  state_conflict: {
    status: 409,
    level: 'info',
    meaning: 'The account, link or person is in a state that does not allow the operation.',
    remedy: 'The detail names the state. Read the resource again, then decide.',
  },
  definition_invalid: {
    status: 422,
    level: 'info',
    meaning: "A portal's definition, or the state requested for it, is not valid. Nothing was changed.",
    remedy: 'The detail names portal, field and what to write. Correct the file and apply it again.',
  },
  client_incomplete: {
    status: 409,
    level: 'info',
    meaning: 'The portal lacks something that the law or its own definition requires for going into service.',
    remedy: 'The detail names everything that is missing. Add it to the reviewed file and apply the file.',
  },
  precondition_required: {
    status: 428,
    level: 'info',
    meaning: 'The operation needs an If-Match header that names the version to change.',
    remedy: 'Read the resource and send its ETag as If-Match.',
  },
  precondition_failed: {
    status: 412,
    level: 'info',
    meaning: 'The resource has changed since it was read. This request changed nothing.',
    remedy: 'Read it again, check what is new, and send the new ETag as If-Match.',
  },
  idempotency_conflict: {
    status: 422,
    level: 'info',
    meaning: 'The Idempotency-Key was already used for a different request. Nothing was changed.',
    remedy: 'Use a new key for a new request.',
  },
  idempotency_running: {
    status: 409,
    level: 'info',
    meaning: 'The first request with this Idempotency-Key is still running, or its node stopped.',
    remedy: 'Send the same request with the same key again, at the latest after five minutes.',
  },
  idempotency_lost: {
    status: 409,
    level: 'warn',
    meaning: 'The first request with this Idempotency-Key was executed, but its answer is lost.',
    remedy: 'Do not repeat it. Read what it changed; the detail names its reference.',
  },
} as const satisfies Record<string, ErrorEntry>
