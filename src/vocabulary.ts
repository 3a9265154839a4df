/** Closed lists and text rules that several rooms share. This file imports nothing. */

/** Kinds of persons that a portal may admit. An organisation signs in as itself, or through a representative. */
export const admissibleKinds = ['citizen', 'foreigner', 'organisation', 'representative'] as const
/** Kinds of persons that VNeID may return. `unauthorised_member` is listed so that its refusal has its own message. */
export const personKinds = [...admissibleKinds, 'unauthorised_member'] as const
export type PersonKind = (typeof personKinds)[number]

/** Sex, as in VNeID's answer or a portal's record; no decision depends on it. */
export type Gender = 'male' | 'female'

/** Assurance levels of a person, lowest first ("mức độ 01", "mức độ 02"); organisations have none. */
export const levels = [1, 2] as const
export type Level = (typeof levels)[number]

/** Kinds of holders of legacy accounts; the law sets a lock date for each (`mapping/lock.ts`). */
export const populations = ['citizen', 'foreigner', 'organisation', 'staff'] as const
export type Population = (typeof populations)[number]

/** States of a legacy account; `mapping/states.ts` has the transitions. */
export const accountStates = ['open', 'in_review', 'linked', 'exempt', 'retired'] as const
export type AccountState = (typeof accountStates)[number]

/** Who created a legacy account at its portal. */
export const accountCreators = ['self', 'officer', 'other'] as const
export type AccountCreator = (typeof accountCreators)[number]

/** The evidence on which a link is based. */
export const linkMethods = ['attested_number', 'matching_person', 'portal_word', 'operators'] as const
export type LinkMethod = (typeof linkMethods)[number]

/** Only a person may approve. */
export const operatorKinds = ['machine', 'person'] as const
export type OperatorKind = (typeof operatorKinds)[number]

/** Roles of operators; docs/operate/ lists their rights. */
export const roles = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer'] as const
export type Role = (typeof roles)[number]

/** Algorithms of the broker's signing keys. */
export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** Whether the text has no control, lone surrogate, private-use or text direction character. */
export const isLegible = (text: string): boolean => !illegible.test(text)
const illegible = /[\p{Cc}\p{Cs}\p{Co}\u2028-\u202e\u2066-\u2069]/u

/** A character that is not seen, or that looks like a space and is none: in an id nobody could type it again. */
const unseen =
  /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\u3164\ufffc]|(?! )[\p{Zs}\p{Zl}\p{Zp}]/u
const printable = /^[\x20-\x7e]*$/

/** What makes this text unfit as an id that a person or a program must find again; undefined if nothing does. */
export function faultOfId(text: string): string | undefined {
  if (printable.test(text)) return undefined
  if (!isLegible(text)) return 'contains control or text direction characters'
  if (text.includes('\ufffd')) return 'contains U+FFFD in place of a character that a program could not read'
  const found = unseen.exec(text)
  if (found === null) return undefined
  const code = found[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `contains an invisible character (U+${code}, character ${found.index + 1}); remove it`
}

/** Whether a URL's `hostname` is this machine, the only target for which plain http is allowed. */
export const isLoopback = (hostname: string): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
