/** A portal sent another number for an account: what two operators make of it. */
import { BrokerError } from '../errors.ts'
import { replaceRecord } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import type { ProposalRow } from '../store/proposals.ts'
import { decideCase, hasOpenCase } from '../store/reviews.ts'
import { type ClassName, classMask } from './classes.ts'
import type { By, Note } from '../recording.ts'
import { type Taken, about, isIn, move, noteEndOfProposals } from './decision.ts'
import type { LegacyRecords } from './record.ts'

/** What a well-formed number that was just accepted makes untrue of its account. */
const ofTheOldNumber: readonly ClassName[] = [
  'number_changed',
  'number_cancelled',
  'missing_number',
  'cmnd_only',
  'malformed_number',
]

/** @throws BrokerError when the refused row cannot take the place of what is recorded */
export function changedRow(records: LegacyRecords, { question, account }: Taken) {
  if (account.state === 'linked')
    throw new BrokerError('state_conflict', 'the account is linked: end the link first')
  if (account.state !== 'in_review') throw isIn(account.state)
  const { sealed } = question
  const { identifier, cmnd } = sealed === null ? {} : records.open(account.accountKey, sealed)
  if (sealed === null || identifier === undefined)
    throw new BrokerError('state_conflict', 'the changed row is gone: import it again')
  return { sealed, identifier, cmnd }
}

/** The row takes the place of what was recorded: unattested, so it links nothing that nobody compared. */
export async function acceptChangedRow(
  tx: Db,
  records: LegacyRecords,
  proposal: Pick<ProposalRow, 'id' | 'reason'>,
  taken: Taken,
  by: By,
  note: Note,
): Promise<void> {
  const { question, account } = taken
  if (question.outcome !== null) throw new BrokerError('case_gone')
  const { sealed, identifier, cmnd } = changedRow(records, taken)
  await replaceRecord(tx, account.account, {
    identifierType: identifier.type,
    identifierKey: records.numberKeys(identifier)[0]!,
    hintKey: cmnd === undefined ? null : records.cmndKeys(cmnd)[0]!,
    sealed,
    // Unlike any row's: the next import compares the whole account anew.
    digest: records.digests(`accepted\0${question.id}`)[0]!,
    drop: classMask(ofTheOldNumber),
    add: classMask(['not_attested']),
  })
  await decideCase(tx, question.id, { outcome: 'accepted', by: by.actor, reason: proposal.reason })
  if (!(await hasOpenCase(tx, account.account))) await move(tx, account, 'settle')
  const detail = { case: question.id, account: account.account, outcome: 'accepted', proposal: proposal.id }
  note({ event: 'review.decided', ...about(question, by), detail })
  await noteEndOfProposals(tx, { caseId: question.id }, by, note)
}
