/** Shared by all acts and approvals about a case: reads case and account under one lock, and builds the events' common fields. */
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

/**
 * Locks a case's account and reads both. Acts, logins and imports about one account wait for each other by this lock.
 * @throws BrokerError `case_gone`
 */
export async function take(tx: Db, caseId: string): Promise<Taken> {
  const found = await findCase(tx, caseId)
  const account = found && (await lockAccount(tx, found.account))
  // Read the case again under the lock; it may have changed.
  const question = found && (await findCase(tx, caseId))
  if (question === undefined || account === undefined) throw new BrokerError('case_gone')
  return { question, account }
}

export async function takeOpen(tx: Db, caseId: string): Promise<Taken> {
  const taken = await take(tx, caseId)
  if (taken.question.outcome !== null) throw new BrokerError('case_gone')
  return taken
}

/** Applies an event to an account's state. @throws BrokerError `state_conflict` if the state does not allow the event */
export async function move(tx: Db, { account, state }: AccountRow, event: AccountEvent): Promise<void> {
  const to = (machine[state] as Record<string, string>)[event]
  if (to === undefined || !(await moveAccount(tx, account, statesBefore(event), to))) throw isIn(state)
}

export const isIn = (state: string): BrokerError =>
  new BrokerError('state_conflict', `the account is ${state}`)

/** True for a case about a row that an import refused; any other case is about a person. */
export const isAboutRow = ({ reason }: Pick<CaseRow, 'reason'>): boolean =>
  reason === 'number_changed' || reason === 'kind_changed'

/** A case about a row may have no person. */
const aboutPerson = (subjectId: string | null): Pick<AuditEvent, 'subjectId'> =>
  subjectId === null ? {} : { subjectId }

/** Common fields of audit events about a case. */
export const about = (
  { clientId, subjectId }: { readonly clientId: string; readonly subjectId: string | null },
  { actor, reference }: By,
): Pick<AuditEvent, 'clientId' | 'subjectId' | 'actor' | 'reference'> => ({
  clientId,
  ...aboutPerson(subjectId),
  actor,
  reference,
})

/** Common part of the kinds of approval about a case: one mapping officer asks, another approves, without a time limit. */
export const ofCase = {
  askers: ['mapping_officer'] as const,
  approvers: ['mapping_officer'] as const,
  asked: z.strictObject({ case: z.uuid() }),
  async concern(tx: Db, { case: caseId }: { case: string }): Promise<Concern> {
    const { clientId, subjectId } = (await findCase(tx, caseId))!
    return { caseId, clientId, ...aboutPerson(subjectId) }
  },
  // Locks the account first, as all code here does, so that there are no deadlocks.
  lock: (tx: Db, { case: id }: { case: string }): Promise<Taken> => take(tx, id),
  async show(db: Db, { case: id }: { case: string }) {
    const { clientId, account, subjectId } = (await findCase(db, id))!
    return { case: id, client: clientId, account, subject: subjectId }
  },
}
