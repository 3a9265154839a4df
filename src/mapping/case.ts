/** What every act of an operator about an account needs: the case and the account under one lock, and the events' common fields. */
import { z } from 'zod'
import type { Concern } from '../approvals/kind.ts'
import type { AuditEvent } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { By } from '../recording.ts'
import { type AccountRow, lockAccount, moveAccount } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import { type CaseRow, findCase } from '../store/reviews.ts'
import { type AccountEvent, machine, statesBefore } from './states.ts'

export interface Taken {
  readonly question: CaseRow
  readonly account: AccountRow
}

/** A case under its account's lock: acts, logins and imports about one account stand in one queue. */
export async function take(tx: Db, caseId: string): Promise<Taken> {
  const found = await findCase(tx, caseId)
  const account = found && (await lockAccount(tx, found.account))
  // Read again: what is decided, is decided under the lock.
  const question = found && (await findCase(tx, caseId))
  if (question === undefined || account === undefined) throw new BrokerError('case_gone')
  return { question, account }
}

export async function takeOpen(tx: Db, caseId: string): Promise<Taken> {
  const taken = await take(tx, caseId)
  if (taken.question.outcome !== null) throw new BrokerError('case_gone')
  return taken
}

/** @throws BrokerError `state_conflict` when the event does not follow from the account's state */
export async function move(tx: Db, { account, state }: AccountRow, event: AccountEvent): Promise<void> {
  const to = (machine[state] as Record<string, string>)[event]
  if (to === undefined || !(await moveAccount(tx, account, statesBefore(event), to))) throw isIn(state)
}

export const isIn = (state: string): BrokerError =>
  new BrokerError('state_conflict', `the account is ${state}`)

/** Whether the question is about a row that an import refused; else it is about a person. */
export const isAboutRow = ({ reason }: Pick<CaseRow, 'reason'>): boolean =>
  reason === 'number_changed' || reason === 'kind_changed'

/** A case about a row may be about no person. */
const aboutPerson = (subjectId: string | null): Pick<AuditEvent, 'subjectId'> =>
  subjectId === null ? {} : { subjectId }

/** What audit events about a case have in common. */
export const about = (
  { clientId, subjectId }: { readonly clientId: string; readonly subjectId: string | null },
  { actor, reference }: By,
): Pick<AuditEvent, 'clientId' | 'subjectId' | 'actor' | 'reference'> => ({
  clientId,
  ...aboutPerson(subjectId),
  actor,
  reference,
})

/** What kinds of approvals about a case have in common: a mapping officer asks, another approves, at any time. */
export const ofCase = {
  askers: ['mapping_officer'] as const,
  approvers: ['mapping_officer'] as const,
  asked: z.strictObject({ case: z.uuid() }),
  async concern(tx: Db, { case: caseId }: { case: string }): Promise<Concern> {
    const { clientId, subjectId } = (await findCase(tx, caseId))!
    return { caseId, clientId, ...aboutPerson(subjectId) }
  },
  // The account first, as everywhere.
  lock: (tx: Db, { case: id }: { case: string }): Promise<Taken> => take(tx, id),
  async show(db: Db, { case: id }: { case: string }) {
    const { clientId, account, subjectId } = (await findCase(db, id))!
    return { case: id, client: clientId, account, subject: subjectId }
  },
}
