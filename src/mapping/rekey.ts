/** Moves a person to a new number, after the old one was cancelled and another one issued (Decree 70/2024 art. 11). */
import { z } from 'zod'
import { endApprovals } from '../approvals/approvals.ts'
import { type Carrying, kind } from '../approvals/kind.ts'
import { type CitizenKeys, Identifier, masked } from '../citizen-id.ts'
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
import { type CitizenKeysOf, findOperatorByNumber } from '../store/operators.ts'
import { inheritCases } from '../store/reviews.ts'
import { classMask } from './classes.ts'
import { type By, type Note, askedDetail } from '../recording.ts'

/**
 * The subject keeps its `sub`, links and history. The old number no longer identifies a person, and open accounts with
 * it become cases. If the person already signed in with the new number and so became a second subject, that subject ends
 * here. If it has links, an operator must end them first.
 */
export const createRekey = ({ citizenKeys }: { citizenKeys: CitizenKeys }) =>
  kind({
    name: 'subject.rekey',
    about: 'Gives a person a new number. The old number then no longer identifies anybody.',
    askers: ['mapping_officer'],
    approvers: ['mapping_officer'],
    asked: z.strictObject({ subject: z.uuid(), number: z.string().regex(/^\d{12}$/) }),

    async check(tx, { subject }) {
      if ((await standingOf(tx, subject)) !== 'fine') throw conflict('the person is disabled or unknown')
    },
    concern: (_tx, { subject }) => ({ rekeyOf: subject, subjectId: subject }),

    async show(db, { subject, number }) {
      const old = await findActiveIdentifier(db, subject)
      const fresh = Identifier.parse('citizen_id', number)
      const operator = await findOperatorByNumber(db, { type: fresh.type, keys: citizenKeys.keys(fresh) })
      return {
        subject,
        old_number: masked(old && citizenKeys.open(old.type, old.sealed).reveal()),
        new_number: masked(number),
        /** Id of the operator who has the new number, if any. */
        operator: operator?.id ?? null,
      }
    },

    async carryOut(tx, note, { subject: subjectId, number }, by) {
      const { actor, reference } = by
      const old = await findActiveIdentifier(tx, subjectId)
      if (old === undefined) throw conflict('the person has no number')
      const { type } = old
      const oldKeys = citizenKeys.keys(citizenKeys.open(type, old.sealed))
      if ((await findOperatorByNumber(tx, { type, keys: oldKeys })) !== undefined)
        throw conflict('the old number belongs to an operator; two security officers must change it first')
      // From here on, logins with the old number wait for this transaction, and then find the number cancelled.
      if (!(await cancelIdentifier(tx, old.identifierId)))
        throw conflict('the person already has another number')
      if ((await standingOf(tx, subjectId)) !== 'fine') throw conflict('the person is disabled or unknown')

      const fresh = Identifier.parse('citizen_id', number)
      const freshKeys = { type: fresh.type, keys: citizenKeys.keys(fresh) }
      const replaced = await replaceHolder(tx, note, freshKeys, subjectId, by)
      await insertIdentifier(tx, { subjectId, ...freshKeys, sealed: citizenKeys.seal(fresh) }, replaced)
      const operator = await findOperatorByNumber(tx, freshKeys)
      const asked = { approval: by.approval!, ...askedDetail(by) }
      const detail = { ...asked, ...(operator && { operator: operator.id }) }
      note({ event: 'subject.rekeyed', subjectId, actor, reference, detail })
      await questionAccounts(tx, note, { type, keys: oldKeys }, subjectId, by)
    },
  })

/** Opens a case for every open account with the old number. */
async function questionAccounts(
  tx: Db,
  note: Note,
  old: CitizenKeysOf,
  subjectId: string,
  { actor, reference }: By,
): Promise<void> {
  const mask = classMask(['number_cancelled'])
  const cases = await questionAccountsOf(tx, { ...old, subjectId, mask, by: actor, reference })
  for (const { id, account, clientId } of cases) {
    const detail = { case: id, account, reason: 'number_cancelled' }
    note({ event: 'review.opened', clientId, subjectId, actor, reference, detail })
  }
}

/** Ends the second subject, if there is one. @returns the id of its number, whose keys must lead to the first subject from now on; null if there is none */
async function replaceHolder(
  tx: Db,
  note: Note,
  { type, keys }: CitizenKeysOf,
  subjectId: string,
  by: Carrying,
): Promise<string | null> {
  const holder = await findHolder(tx, type, keys)
  if (holder === undefined) return null
  const { subjectId: other, identifierId } = holder
  // This includes the person's own old number, which has just been cancelled.
  if (holder.cancelled) throw conflict('the new number is itself cancelled')
  if (holder.disabled) throw conflict('the new number belongs to a person who is disabled')
  // Waits for a login with the new number that is under way, because it might create a link.
  if (!(await cancelIdentifier(tx, identifierId)))
    throw conflict('the new number was given to another person meanwhile')
  // That subject got this number by an approval like this one, so as far as we know it is another person.
  if (await hasEarlierNumber(tx, other))
    throw conflict('the new number belongs to another person, who had another number before')
  await replaceSubject(tx, other, subjectId)
  if (await hasActiveLinks(tx, other))
    throw conflict('the second subject with the new number has links; end them first')

  const { actor, reference, reason = '' } = by
  const asked = { approval: by.approval!, ...askedDetail(by) }
  const detail = { by: subjectId, ...asked }
  note({ event: 'subject.replaced', subjectId: other, actor, reference, detail })
  for (const closed of await inheritCases(tx, { from: other, to: subjectId, by: actor, reason })) {
    const { clientId, account, outcome } = closed
    const closing = { case: closed.id, account, outcome, ...asked }
    note({ event: 'review.decided', clientId, subjectId: other, actor, reference, detail: closing })
    await endApprovals(tx, note, { caseId: closed.id }, by)
  }
  await endApprovals(tx, note, { rekeyOf: other }, by)
  return identifierId
}

const conflict = (detail: string): BrokerError => new BrokerError('state_conflict', detail)
