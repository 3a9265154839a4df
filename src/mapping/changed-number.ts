/** Accepts another number that a portal sent for an account. Needs two officers. */
import { endApprovals } from '../approvals/approvals.ts'
import { kind } from '../approvals/kind.ts'
import { BrokerError } from '../errors.ts'
import { replaceRecord } from '../store/accounts.ts'
import { decideCase, hasOpenCase } from '../store/reviews.ts'
import { type ClassName, classMask } from './classes.ts'
import { askedDetail } from '../recording.ts'
import { type Taken, about, isIn, move, ofCase, takeOpen } from './case.ts'
import type { LegacyRecords } from './record.ts'

/** Classes that no longer apply once a well-formed number is accepted. */
const ofTheOldNumber: readonly ClassName[] = [
  'number_changed',
  'number_cancelled',
  'missing_number',
  'cmnd_only',
  'malformed_number',
]

/** The refused row. @throws BrokerError `state_conflict` if it cannot replace the recorded one */
function changedRow(records: LegacyRecords, { question, account }: Taken) {
  if (account.state === 'linked')
    throw new BrokerError('state_conflict', 'the account is linked; end the link first')
  if (account.state !== 'in_review') throw isIn(account.state)
  const { sealed } = question
  const { identifier, cmnd } = sealed === null ? {} : records.open(account.accountKey, sealed)
  if (sealed === null || identifier === undefined)
    throw new BrokerError('state_conflict', 'the changed row is no longer stored; import it again')
  return { sealed, identifier, cmnd }
}

/** Replaces the recorded row with the refused one. The number counts as not attested, so it alone creates no link. */
export const createAcceptance = ({ records }: { records: LegacyRecords }) =>
  kind({
    ...ofCase,
    name: 'account.accept',
    about: 'Accepts another number that the portal sent for an account.',
    check: async (tx, { case: id }) => void changedRow(records, await takeOpen(tx, id)),

    async carryOut(tx, note, { case: id }, by) {
      const taken = await takeOpen(tx, id)
      const { question, account } = taken
      const { sealed, identifier, cmnd } = changedRow(records, taken)
      await replaceRecord(tx, account.account, {
        identifierType: identifier.type,
        identifierKey: records.numberKeys(identifier)[0]!,
        hintKey: cmnd === undefined ? null : records.cmndKeys(cmnd)[0]!,
        sealed,
        // A digest that no row has, so the next import compares the whole account again.
        digest: records.digests(`accepted\0${id}`)[0]!,
        drop: classMask(ofTheOldNumber),
        add: classMask(['not_attested']),
      })
      const { actor, approval, reason = '' } = by
      await decideCase(tx, id, { outcome: 'accepted', by: actor, reason })
      if (!(await hasOpenCase(tx, account.account))) await move(tx, account, 'settle')
      const asked = { approval: approval!, ...askedDetail(by) }
      const detail = { case: id, account: account.account, outcome: 'accepted', ...asked }
      note({ event: 'review.decided', ...about(question, by), detail })
      await endApprovals(tx, note, { caseId: id }, by)
    },
  })
