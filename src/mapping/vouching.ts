/**
 * A portal vouches for an account: it has authenticated the old account itself and names it in the request. The citizen,
 * after returning from VNeID, is asked whether to link it. This file holds the rules and writes their result; no HTTP.
 */
import type { AuditEvent } from '../audit.ts'
import type { CitizenKeys } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { record, recordWith } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import { linkRefusals } from '../telemetry/metrics.ts'
import { type Db, retried } from '../store/db.ts'
import { type Candidate, findCandidate, writeSignIn } from '../store/subjects.ts'
import {
  type Evidence,
  type Person,
  type ReviewReason,
  actsForSelf,
  openCandidate,
  reviewReason,
  rules,
  situationOf,
  wantedCase,
  wantedLink,
} from './linking.ts'
import { type PortalsOf, ownerMeant } from './links.ts'
import { type LockPolicy, lockStatus } from './lock.ts'
import type { LegacyRecord, LegacyRecords } from './record.ts'

export type RefusalReason =
  | 'acts_for_organisation'
  | 'unknown_account'
  | 'ambiguous'
  | 'denied'
  | 'not_in_use'
  | 'locked'

/** The result, as the portal gets it in the claim `legacy_account_link`. */
export interface LinkOutcome {
  readonly outcome: 'linked' | 'already_linked' | 'declined' | 'in_review' | 'refused'
  readonly reason?: RefusalReason | ReviewReason | 'pending'
}

/** The account that a portal vouches for, and the person. */
export interface VouchedAccount {
  readonly clientId: string
  /** The portal's own id of the account. */
  readonly accountId: string
  /** The portal that owns the account, if the request names it: the portal itself, or one that was merged into it. */
  readonly owner?: string | undefined
  readonly subjectId: string
  readonly person: Person
  /** How the portal authenticated the request: pushed (RFC 9126) or signed (RFC 9101). */
  readonly request: 'pushed' | 'signed'
  readonly reference: string
}

/** The citizen must be asked. */
export interface Question {
  readonly outcome: 'ask'
  /** In the grace phase: the day from which the account is locked, `YYYY-MM-DD`. */
  readonly lockedFrom?: string
}

export interface Vouching {
  /**
   * Applies the rules to the current state: opens a case, audits a refusal, or links if the citizen has agreed. If the
   * account changes meanwhile, it is read again and the rules are applied again.
   * @param agreed whether the citizen has agreed to the link
   * @throws BrokerError `identifier_cancelled` if the number no longer identifies this person
   */
  settle(vouched: VouchedAccount, agreed: boolean): Promise<Question | LinkOutcome>
}

type Verdict =
  | { readonly step: 'ask'; readonly candidate: Candidate; readonly lockedFrom?: string }
  | { readonly step: 'review'; readonly candidate: Candidate; readonly reason: ReviewReason }
  | { readonly step: 'settled'; readonly settled: LinkOutcome }
  | {
      readonly step: 'refused'
      readonly reason: RefusalReason
      readonly candidate?: Candidate
      /** First day of the lock. */
      readonly since?: string
    }

/** Applies the rules; writes nothing. @param now milliseconds since the epoch */
function judge(
  person: Person,
  subjectId: string,
  candidate: Candidate | undefined,
  policy: LockPolicy,
  now: number,
  isAmbiguous: boolean,
  recorded: () => LegacyRecord,
): Verdict {
  // Checked first, so that the portal learns nothing about the own accounts of a person who acts for an organisation.
  if (!actsForSelf(person.kind)) return { step: 'refused', reason: 'acts_for_organisation' }
  if (isAmbiguous) return { step: 'refused', reason: 'ambiguous' }
  if (candidate === undefined) return { step: 'refused', reason: 'unknown_account' }
  const situation = situationOf(candidate, subjectId)
  if (situation === 'theirs') return { step: 'settled', settled: { outcome: 'already_linked' } }
  if (candidate.barred) return { step: 'refused', reason: 'denied', candidate }
  if (situation === 'exempt' || situation === 'retired')
    return { step: 'refused', reason: 'not_in_use', candidate }

  const { phase, lockedFrom, latecomer } = lockStatus(candidate.kind, policy, now)
  if (latecomer) return { step: 'review', reason: 'late_comer', candidate }
  if (phase === 'locked')
    return { step: 'refused', reason: 'locked', candidate, ...(lockedFrom && { since: lockedFrom }) }

  const evidence = evidenceByWord(person, candidate, recorded)
  const outcome = rules[evidence][situation]
  if (outcome === 'link')
    return { step: 'ask', candidate, ...(phase === 'grace' && lockedFrom && { lockedFrom }) }
  if (outcome === 'review') return { step: 'review', reason: reviewReason(evidence, situation), candidate }
  if (outcome === 'wait') return { step: 'settled', settled: { outcome: 'in_review', reason: 'pending' } }
  return { step: 'refused', reason: 'denied', candidate }
}

/** The evidence if a portal vouches. A recorded number counts even if it is malformed or in another field of the record. */
function evidenceByWord(
  { identifier }: Person,
  { kind, numberIs }: Candidate,
  recorded: () => LegacyRecord,
): Evidence {
  if (numberIs === 'other') return 'portal_word_against_number'
  if (numberIs === 'none') {
    const { taxCode, other = '' } = recorded()
    // Since 1/7/2025 a person's tax code is the 12-digit number.
    const isAnother = taxCode?.length === 12 && taxCode !== identifier.reveal()
    if (isAnother || /(^|; )(citizen|foreigner|organisation)_id /.test(other))
      return 'portal_word_against_number'
  }
  return `${kind}_id` === identifier.type ? 'portal_word' : 'other_kind'
}

export function createVouching({
  db,
  citizenKeys,
  records,
  portalsOf,
  mappingPolicyOf,
  log,
  now = Date.now,
}: {
  db: Db
  citizenKeys: CitizenKeys
  records: LegacyRecords
  portalsOf: PortalsOf
  mappingPolicyOf: (clientId: string) => LockPolicy
  log: Log
  now?: () => number
}): Vouching {
  async function refuse(
    vouched: VouchedAccount,
    verdict: Verdict & { step: 'refused' },
  ): Promise<LinkOutcome> {
    const { reason, candidate, since } = verdict
    linkRefusals.inc({ reason })
    const detail = {
      reason,
      ...(candidate && { account: candidate.account, population: candidate.kind }),
      ...(since !== undefined && { since }),
      ...(candidate && candidate.portal !== vouched.clientId && { of: candidate.portal }),
    }
    await record({ db, log }, [{ event: 'link.refused', ...aboutOf(vouched), detail }])
    return { outcome: 'refused', reason }
  }

  /** Writes the link or case. @returns false if nothing was written, because the account or the number changed */
  async function write(
    vouched: VouchedAccount,
    verdict: Verdict & { step: 'ask' | 'review' },
  ): Promise<boolean> {
    const { clientId, subjectId, person, request, reference } = vouched
    const { candidate } = verdict
    const link = wantedLink(candidate, 'portal_word')
    const how = { request, ...(candidate.portal !== clientId && { portal: clientId }) }
    const writing = retried(() =>
      writeSignIn(db, {
        subjectId,
        type: person.identifier.type,
        keys: citizenKeys.keys(person.identifier),
        portals: [candidate.portal],
        links: verdict.step === 'ask' ? [{ ...link, evidence: { ...link.evidence, ...how } }] : [],
        cases: verdict.step === 'review' ? [wantedCase(candidate, verdict.reason, person, records)] : [],
        actor: 'citizen',
        reference,
        at: clientId,
        events: [],
      }),
    )
    const made = await recordWith(log, writing)
    return made.links.length + made.cases.length > 0
  }

  return {
    async settle(vouched, agreed) {
      const { clientId, accountId, subjectId, person } = vouched
      const portals = portalsOf(clientId)
      const owner = ownerMeant(portals, vouched.owner)
      const isTheirs = owner !== undefined && portals.includes(owner)
      let asked: string | undefined
      for (let attempt = 0; attempt < 5; attempt++) {
        const candidate = isTheirs
          ? await findCandidate(
              db,
              { portal: owner, accountKey: records.accountKey(owner, accountId) },
              { subjectId, type: person.identifier.type, keys: citizenKeys.keys(person.identifier) },
            )
          : undefined
        const verdict = judge(
          person,
          subjectId,
          candidate,
          mappingPolicyOf(candidate?.portal ?? clientId),
          now(),
          owner === undefined,
          () => openCandidate(records, candidate!),
        )
        if (verdict.step === 'settled') return verdict.settled
        if (verdict.step === 'refused') return refuse(vouched, verdict)
        if (verdict.step === 'ask' && !agreed) {
          const { lockedFrom } = verdict
          return { outcome: 'ask', ...(lockedFrom !== undefined && { lockedFrom }) }
        }
        const isMade = await write(vouched, verdict)
        if (verdict.step === 'ask') {
          if (isMade) return { outcome: 'linked' }
          continue
        }
        // Two attempts wrote nothing although the account did not change: the same case is already open.
        const question = `${verdict.reason} ${verdict.candidate.version}`
        if (isMade || asked === question) return { outcome: 'in_review', reason: verdict.reason }
        asked = question
      }
      throw new BrokerError('identifier_cancelled', 'the number no longer identifies this person')
    },
  }
}

const aboutOf = ({
  clientId,
  subjectId,
  reference,
}: VouchedAccount): Omit<AuditEvent, 'event' | 'detail'> => ({
  clientId,
  subjectId,
  actor: 'citizen',
  reference,
})
