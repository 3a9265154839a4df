import type { ErrorEntry } from './error-table.ts'

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
