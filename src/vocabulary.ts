/** The closed lists and rules of text that several rooms share, each typed once. It imports nothing. */

/** Whom a portal may let in. An organisation signs in as itself, or is represented by a person. */
export const admissibleKinds = ['citizen', 'foreigner', 'organisation', 'representative'] as const
/** Whom VNeID may vouch for. `unauthorised_member` is named so that it can be refused with its own sentence. */
export const personKinds = [...admissibleKinds, 'unauthorised_member'] as const
export type PersonKind = (typeof personKinds)[number]

/** As VNeID or a portal's record tells it; policy never depends on it. */
export type Gender = 'male' | 'female'

/** Assurance levels of a person, the lowest first ("mức độ 01", "mức độ 02"); organisations have none. */
export const levels = [1, 2] as const
export type Level = (typeof levels)[number]

/** Whose a legacy account is: the law dates each population's end (`mapping/lock.ts`). */
export const populations = ['citizen', 'foreigner', 'organisation', 'staff'] as const
export type Population = (typeof populations)[number]

/** Where a legacy account stands; `mapping/states.ts` says how it moves. */
export const accountStates = ['open', 'in_review', 'linked', 'exempt', 'retired'] as const
export type AccountState = (typeof accountStates)[number]

/** Who opened a legacy account at its portal. */
export const accountCreators = ['self', 'officer', 'other'] as const
export type AccountCreator = (typeof accountCreators)[number]

/** What a link rests on. */
export const linkMethods = ['attested_number', 'matching_person', 'portal_word', 'operators'] as const
export type LinkMethod = (typeof linkMethods)[number]

/** Only a person may be the second one who approves. */
export const operatorKinds = ['machine', 'person'] as const
export type OperatorKind = (typeof operatorKinds)[number]

/** What an operator may do. */
export const roles = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer'] as const
export type Role = (typeof roles)[number]

/** The algorithms that the broker signs with. */
export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** Text that people will read holds no control, lone surrogate, private-use or text direction character. */
export const isLegible = (text: string): boolean => !illegible.test(text)
const illegible = /[\p{Cc}\p{Cs}\p{Co}\u2028-\u202e\u2066-\u2069]/u

/** Of a URL's `hostname`: plain http is allowed to this machine only. */
export const isLoopback = (hostname: string): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
