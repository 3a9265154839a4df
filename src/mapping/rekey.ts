/** A number was cancelled and another issued (Decree 70/2024 art. 11): the person goes on under the new one. */
import type { CitizenKeys, IdentifierType } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Db } from '../store/db.ts'
import {
  cancelIdentifier,
  findActiveIdentifier,
  findHolder,
  hasActiveLinks,
  hasEarlierNumber,
  insertIdentifier,
  questionAccountsOf,
  replaceSubject,
  standingOf,
} from '../store/identifiers.ts'
import { findOperatorByNumber } from '../store/operators.ts'
import type { ProposalRow } from '../store/proposals.ts'
import { inheritCases } from '../store/reviews.ts'
import { classMask } from './classes.ts'
import type { By, Note } from '../recording.ts'
import { noteEndOfProposals } from './decision.ts'

type RekeyProposal = Pick<ProposalRow, 'id' | 'sealed' | 'reason'> & { readonly subjectId: string }
/** Carries out an approved proposal within the approval's transaction. */
export type Rekey = (tx: Db, proposal: RekeyProposal, by: By, note: Note) => Promise<void>

/**
 * `sub`, links and history stay with the subject; the old number leads to nobody again, and open accounts that
 * bear it become cases. Had the person come with the new number before, and so become a second subject, that
 * one ends here, unless accounts hang on it: then an operator ends those links first.
 */
export function createRekey({ citizenKeys }: { citizenKeys: CitizenKeys }): Rekey {
  return async function rekey(tx, proposal, by, note) {
    const { id, subjectId, sealed } = proposal
    const { actor, reference } = by
    const old = await findActiveIdentifier(tx, subjectId)
    if (old === undefined || sealed === null) throw conflict('the person has no number')
    const { type } = old
    const oldKeys = citizenKeys.keys(citizenKeys.open(type, old.sealed))
    if ((await findOperatorByNumber(tx, { type, keys: oldKeys })) !== undefined)
      throw conflict('the old number is an operator’s: two security officers change it first')
    // From here on logins with the old number wait, and then find it cancelled.
    if (!(await cancelIdentifier(tx, old.identifierId)))
      throw conflict('the person has another number by now')
    if ((await standingOf(tx, subjectId)) !== 'fine') throw conflict('the person may not be used any more')

    const keys = citizenKeys.keys(citizenKeys.open(type, sealed))
    const replaced = await replaceHolder(tx, { type, keys }, proposal, by, note)
    await insertIdentifier(tx, { subjectId, type, sealed, keys }, replaced)
    const operator = await findOperatorByNumber(tx, { type, keys })
    const whose = { proposal: id, ...(operator && { operator: operator.id }) }
    note({ event: 'subject.rekeyed', subjectId, actor, reference, detail: whose })

    const cases = await questionAccountsOf(tx, {
      type,
      keys: oldKeys,
      subjectId,
      mask: classMask(['number_cancelled']),
      by: actor,
      reference,
    })
    for (const { id: question, account, clientId } of cases) {
      const detail = { case: question, account, reason: 'number_cancelled' }
      note({ event: 'review.opened', clientId, subjectId, actor, reference, detail })
    }
  }
}

/** Ends the second subject, if there is one. @returns its number, whose keys are to lead to the first */
async function replaceHolder(
  tx: Db,
  { type, keys }: { type: IdentifierType; keys: readonly Buffer[] },
  { id, subjectId, reason }: RekeyProposal,
  by: By,
  note: Note,
): Promise<string | null> {
  const holder = await findHolder(tx, type, keys)
  if (holder === undefined) return null
  const { subjectId: other, identifierId } = holder
  // The person's own number is among these: it has just been cancelled.
  if (holder.cancelled) throw conflict('the new number is cancelled itself')
  if (holder.disabled) throw conflict('the new number is of a person who may not be used any more')
  // Waits for a login under way with it, which might link something.
  if (!(await cancelIdentifier(tx, identifierId))) throw conflict('the new number has changed hands by now')
  // It was given by such a decision itself: to all that is known, this is another person.
  if (await hasEarlierNumber(tx, other))
    throw conflict('the new number is of a person known by others before')
  await replaceSubject(tx, other, subjectId)
  if (await hasActiveLinks(tx, other)) throw conflict('the new number has links of its own: end them first')

  const { actor, reference } = by
  const detail = { by: subjectId, proposal: id }
  note({ event: 'subject.replaced', subjectId: other, actor, reference, detail })
  for (const closed of await inheritCases(tx, { from: other, to: subjectId, by: actor, reason })) {
    const { clientId, account, outcome } = closed
    const closing = { case: closed.id, account, outcome, proposal: id }
    note({ event: 'review.decided', clientId, subjectId: other, actor, reference, detail: closing })
    await noteEndOfProposals(tx, { caseId: closed.id }, by, note)
  }
  await noteEndOfProposals(tx, { rekeyOf: other }, by, note)
  return identifierId
}

const conflict = (detail: string): BrokerError => new BrokerError('state_conflict', detail)
