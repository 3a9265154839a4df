/** What a login alone does to the portal's open accounts that bear the person's number. */
import type { Candidate, Known, WantedCase, WantedLink } from '../store/subjects.ts'
import {
  type Evidence,
  type Person,
  actsForSelf,
  evidenceByNumber,
  reviewReason,
  rules,
  situationOf,
} from './linking.ts'
import type { LegacyRecord, LegacyRecords } from './record.ts'

export interface WantedChanges {
  readonly links: readonly WantedLink[]
  readonly cases: readonly WantedCase[]
}

export function wantedAtLogin(
  person: Person,
  known: Known,
  subjectId: string,
  /** Of the portal whose account it is. */
  policyOf: (portal: string) => { readonly unattested_match: boolean },
  records: LegacyRecords,
  /** The account keys, base64, of what the portal may vouch for: whether that is a case, `vouching.ts` decides. */
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

/** The evidence is kept with the link: what it was, and how the two numbers stood to each other. */
export function wantedLink(candidate: Candidate, evidence: Evidence): WantedLink {
  const { account, version, numberIs, attestedOn } = candidate
  return { account, version, method: evidence, evidence: { number: numberIs, attested_on: attestedOn } }
}

/** A case keeps VNeID's side, sealed, until it is decided. */
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
