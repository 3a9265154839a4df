/** A number was cancelled and another issued (Decree 70/2024 art. 11): the person goes on under the new one. */
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
 * `sub`, links and history stay with the subject; the old number leads to nobody again, and open accounts that
 * bear it become cases. Had the person come with the new number before, and so become a second subject, that
 * one ends here, unless accounts hang on it: then an operator ends those links first.
 */
export const createRekey = ({ citizenKeys }: { citizenKeys: CitizenKeys }) =>
  kind({
    name: 'subject.rekey',
    about: 'Gives a person another number; the old one leads to nobody from then on.',
    askers: ['mapping_officer'],
    approvers: ['mapping_officer'],
    asked: z.strictObject({ subject: z.uuid(), number: z.string().regex(/^\d{12}$/) }),

    async check(tx, { subject }) {
      if ((await standingOf(tx, subject)) !== 'fine') throw conflict('the person may not be used any more')
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
        /** Who bears the new number among the operators. */
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
        throw conflict('the old number is an operator’s: two security officers change it first')
      // From here on logins with the old number wait, and then find it cancelled.
      if (!(await cancelIdentifier(tx, old.identifierId)))
        throw conflict('the person has another number by now')
      if ((await standingOf(tx, subjectId)) !== 'fine') throw conflict('the person may not be used any more')

      const fresh = Identifier.parse('citizen_id', number)
      const bearing = { type: fresh.type, keys: citizenKeys.keys(fresh) }
      const replaced = await replaceHolder(tx, note, bearing, subjectId, by)
      await insertIdentifier(tx, { subjectId, ...bearing, sealed: citizenKeys.seal(fresh) }, replaced)
      const operator = await findOperatorByNumber(tx, bearing)
      const asked = { approval: by.approval!, ...askedDetail(by) }
      const detail = { ...asked, ...(operator && { operator: operator.id }) }
      note({ event: 'subject.rekeyed', subjectId, actor, reference, detail })
      await questionAccounts(tx, note, { type, keys: oldKeys }, subjectId, by)
    },
  })

/** Open accounts under the old number become cases. */
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

/** Ends the second subject, if there is one. @returns its number, whose keys are to lead to the first */
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
  // The person's own number is among these: it has just been cancelled.
  if (holder.cancelled) throw conflict('the new number is cancelled itself')
  if (holder.disabled) throw conflict('the new number is of a person who may not be used any more')
  // Waits for a login under way with it, which might link something.
  if (!(await cancelIdentifier(tx, identifierId))) throw conflict('the new number has changed hands by now')
  // It was given by such an approval itself: to all that is known, this is another person.
  if (await hasEarlierNumber(tx, other))
    throw conflict('the new number is of a person known by others before')
  await replaceSubject(tx, other, subjectId)
  if (await hasActiveLinks(tx, other)) throw conflict('the new number has links of its own: end them first')

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
