/**
 * Maps portals' legacy accounts to citizens: rules only, no HTTP, no SQL. An account is found by a number (a login), by
 * the portal that vouches for it (`vouching.ts`), or by two operators (`kinds.ts`). `lock.ts` says until when a portal may
 * vouch, `states.ts` holds the states of an account, `record.ts` its sealed record. This file decides when an account
 * becomes a link, and when it becomes a case for an operator.
 */
import type { Identifier } from '../citizen-id.ts'
import type { Candidate, Known, WantedCase, WantedLink } from '../store/subjects.ts'
import type { PersonKind } from '../vocabulary.ts'
import { sameBirthDate, sameName } from './names.ts'
import type { LegacyRecord, LegacyRecords } from './record.ts'

/**
 * The evidence that an account belongs to a person, always together with a login with VNeID. These are never evidence:
 * e-mail, telephone, name alone, CMND, VNeID's own account id.
 */
export type Evidence =
  /** The recorded number equals VNeID's and was compared with the population database. */
  | 'attested_number'
  /** The numbers are equal but were never compared; name and birth date agree, and the portal's policy accepts that. */
  | 'matching_person'
  /** The numbers are equal, without anything more. */
  | 'bare_number'
  /** The numbers are equal, but the account is of another kind than the person (staff, an organisation). */
  | 'other_kind'
  /** The portal authenticated the account and vouches for it, and the citizen agreed. The recorded number is equal or missing. */
  | 'portal_word'
  /** As `portal_word`, but the recorded number differs. */
  | 'portal_word_against_number'
  /** Two operators decided it. */
  | 'operators'

/** The state of the account as seen from this person. `theirs`: linked to this subject; `anothers`: to another one. */
export type Situation = 'open' | 'in_review' | 'theirs' | 'anothers' | 'exempt' | 'retired'

/** `keep`: nothing to do; `wait`: a case is open already; `review`: open a case; `refuse`: no link and no case. */
export type Outcome = 'link' | 'keep' | 'wait' | 'review' | 'refuse'

/** All rules, for logins, portals and operators. Imports create no links; they open cases and close none. */
// oxfmt-ignore
export const rules: Readonly<Record<Evidence, Readonly<Record<Situation, Outcome>>>> = {
  //                              open      in_review  theirs   anothers  exempt    retired
  attested_number:            row('link',   'wait',    'keep',  'review', 'refuse', 'refuse'),
  matching_person:            row('link',   'wait',    'keep',  'review', 'refuse', 'refuse'),
  bare_number:                row('review', 'wait',    'keep',  'review', 'refuse', 'refuse'),
  other_kind:                 row('review', 'wait',    'keep',  'review', 'refuse', 'refuse'),
  portal_word:                row('link',   'wait',    'keep',  'review', 'refuse', 'refuse'),
  portal_word_against_number: row('review', 'review',  'keep',  'review', 'refuse', 'refuse'),
  operators:                  row('link',   'link',    'keep',  'refuse', 'refuse', 'refuse'),
}

function row(...[open, in_review, theirs, anothers, exempt, retired]: readonly Outcome[]) {
  return { open, in_review, theirs, anothers, exempt, retired } as Record<Situation, Outcome>
}

/** Why a case is opened (`review_case.reason`). */
export type ReviewReason =
  | 'not_attested'
  | 'kind_differs'
  | 'number_differs'
  | 'number_changed'
  | 'kind_changed'
  | 'number_cancelled'
  | 'held_by_another'
  | 'late_comer'
  | 'unlinked'
  | 'by_hand'

const reasons: Readonly<Record<Evidence, ReviewReason>> = {
  attested_number: 'not_attested',
  matching_person: 'not_attested',
  bare_number: 'not_attested',
  other_kind: 'kind_differs',
  portal_word: 'by_hand',
  portal_word_against_number: 'number_differs',
  operators: 'by_hand',
}
export const reviewReason = (evidence: Evidence, situation: Situation): ReviewReason =>
  situation === 'anothers' ? 'held_by_another' : reasons[evidence]

export function situationOf(
  { state, holder }: Pick<Candidate, 'state' | 'holder'>,
  subjectId: string | undefined,
): Situation {
  if (state !== 'linked') return state
  return holder === subjectId ? 'theirs' : 'anothers'
}

/** A person as VNeID vouches for them. */
export interface Person {
  readonly kind: PersonKind
  readonly identifier: Identifier
  readonly name?: string
  readonly birthDate?: string
}

/**
 * False for a person who acts for an organisation: the portal then gets none of the person's own accounts, and none is
 * linked.
 */
export const actsForSelf = (kind: PersonKind): boolean => kind !== 'representative'

/** The evidence for an account whose recorded number equals VNeID's. @param record opens the record; called only if needed */
function evidenceByNumber(
  person: Person,
  { kind, attested }: Pick<Candidate, 'kind' | 'attested'>,
  policy: { readonly unattested_match: boolean },
  record: () => LegacyRecord,
): Evidence {
  if (`${kind}_id` !== person.identifier.type) return 'other_kind'
  if (attested) return 'attested_number'
  if (!policy.unattested_match) return 'bare_number'
  const { name, birthDate } = record()
  const agrees =
    name !== undefined &&
    person.name !== undefined &&
    sameName(name, person.name) &&
    sameBirthDate(birthDate, person.birthDate)
  return agrees ? 'matching_person' : 'bare_number'
}

/** What a login changes for the portal's accounts with the person's number. */
export interface WantedChanges {
  readonly links: readonly WantedLink[]
  readonly cases: readonly WantedCase[]
}

export function wantedAtLogin(
  person: Person,
  known: Known,
  subjectId: string,
  /** The policy of the portal that owns the account. */
  policyOf: (portal: string) => { readonly unattested_match: boolean },
  records: LegacyRecords,
  /** Account keys, base64, for which the portal vouches in this login; `vouching.ts` decides about their cases. */
  vouched: readonly string[],
): WantedChanges {
  const links: WantedLink[] = []
  const cases: WantedCase[] = []
  if (!actsForSelf(person.kind)) return { links, cases }
  for (const candidate of known.candidates) {
    const situation = situationOf(candidate, subjectId)
    const evidence = evidenceByNumber(person, candidate, policyOf(candidate.portal), () =>
      openCandidate(records, candidate),
    )
    const outcome = rules[evidence][situation]
    if (outcome === 'link') links.push(wantedLink(candidate, evidence))
    if (outcome === 'review' && !vouched.includes(candidate.accountKey))
      cases.push(wantedCase(candidate, reviewReason(evidence, situation), person, records))
  }
  return { links, cases }
}

export const openCandidate = (records: LegacyRecords, { accountKey, sealed }: Candidate): LegacyRecord =>
  records.open(Buffer.from(accountKey, 'base64'), Buffer.from(sealed, 'base64'))

/** The link to write, with its evidence: the method, and how the recorded number compares with VNeID's. */
export function wantedLink(candidate: Candidate, evidence: Evidence): WantedLink {
  const { account, version, numberIs, attestedOn } = candidate
  return { account, version, method: evidence, evidence: { number: numberIs, attested_on: attestedOn } }
}

/** The case to write. It keeps VNeID's data, sealed, until it is decided. */
export function wantedCase(
  { account, accountKey, version }: Candidate,
  reason: string,
  { identifier, name, birthDate }: Person,
  records: LegacyRecords,
): WantedCase {
  const side = {
    accountId: '',
    identifier,
    ...(name !== undefined && { name }),
    ...(birthDate !== undefined && { birthDate }),
  }
  return {
    account,
    version,
    reason,
    sealed: records.seal(Buffer.from(accountKey, 'base64'), side).toString('base64'),
  }
}
