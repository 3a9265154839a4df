/**
 * What one operator may do alone about accounts and links. Every act can be undone. Creating a link or accepting another
 * number needs two operators (`kinds.ts`).
 */
import { endApprovals } from '../approvals/approvals.ts'
import { BrokerError } from '../errors.ts'
import { type Reasoned, audited } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import { changeClasses, lockAccount } from '../store/accounts.ts'
import { type Database, isUniqueViolation } from '../store/db.ts'
import { standingOf } from '../store/identifiers.ts'
import { endLink } from '../store/links.ts'
import { decideCase, hasOpenCase, openCase, reopenCases, retireCases } from '../store/reviews.ts'
import { classMask } from './classes.ts'
import { about, isAboutRow, isIn, move, take, takeOpen } from './case.ts'

export interface Acts {
  /** Opens a case by hand: does this account belong to that person? @returns the case's id */
  question(account: string, subjectId: string, by: Reasoned): Promise<string>
  /**
   * Answers a case with no: the account is not this person's, and is never linked to them automatically again; or the row
   * that an import refused is not accepted.
   */
  dismiss(caseId: string, by: Reasoned): Promise<void>
  /** Marks the account as no longer in use, and closes all its cases. */
  retire(caseId: string, by: Reasoned): Promise<void>
  /** Undoes `dismiss` or `retire`. */
  reopen(caseId: string, by: Reasoned): Promise<void>
  /** Ends a link, whatever its method. The account then waits in review until an operator decides. */
  end(linkId: string, account: string, by: Reasoned): Promise<void>
}

export function createActs({ db, log }: { db: Database; log: Log }): Acts {
  return {
    question: (account, subjectId, by) =>
      audited({ db, log }, async (tx, note) => {
        const row = await lockAccount(tx, account)
        if (row === undefined) throw new BrokerError('account_unknown')
        const standing = await standingOf(tx, subjectId)
        if (standing === 'unknown')
          throw new BrokerError('input_invalid', 'subject: there is no subject with this id')
        if (standing === 'disabled') throw new BrokerError('state_conflict', 'the person is disabled')
        if (row.subjectId === subjectId)
          throw new BrokerError('state_conflict', 'the account is already linked to this person')
        if (row.state === 'open') await move(tx, row, 'doubt')
        else if (row.state !== 'in_review' && row.state !== 'linked') throw isIn(row.state)
        const { clientId } = row
        const asked = { account, clientId, reason: 'by_hand', subjectId, sealed: null, ...why(by) }
        const id = await openCase(tx, asked)
        if (id === undefined) throw new BrokerError('state_conflict', 'the same case is already open')
        const detail = { case: id, account, reason: 'by_hand' }
        note({ event: 'review.opened', ...about({ clientId, subjectId }, by), detail })
        return id
      }),

    dismiss: (caseId, by) =>
      audited({ db, log }, async (tx, note) => {
        const { question, account } = await takeOpen(tx, caseId)
        await decideCase(tx, caseId, { outcome: 'dismissed', by: by.actor, reason: by.reason })
        if (question.reason === 'number_changed')
          await changeClasses(tx, account.account, { drop: classMask(['number_changed']) })
        // No case is open, so the account is open again, except for persons whose case was dismissed.
        if (account.state === 'in_review' && !(await hasOpenCase(tx, account.account)))
          await move(tx, account, 'settle')
        const detail = { case: caseId, account: account.account, outcome: 'dismissed' }
        note({ event: 'review.decided', ...about(question, by), detail })
        await endApprovals(tx, note, { caseId }, by)
      }),

    retire: (caseId, by) =>
      audited({ db, log }, async (tx, note) => {
        const { account } = await takeOpen(tx, caseId)
        await move(tx, account, 'retire')
        for (const closed of await retireCases(tx, account.account, { by: by.actor, reason: by.reason })) {
          const detail = { case: closed.id, account: account.account, outcome: 'retired' }
          note({ event: 'review.decided', ...about(closed, by), detail })
        }
        await endApprovals(tx, note, { account: account.account }, by)
      }),

    reopen: (caseId, by) =>
      audited({ db, log }, async (tx, note) => {
        const { question, account } = await take(tx, caseId)
        const { outcome } = question
        if (outcome !== 'dismissed' && outcome !== 'retired')
          throw new BrokerError('state_conflict', `the case is ${outcome ?? 'open'}`)
        if (!isAboutRow(question) && account.subjectId !== null && question.subjectId === account.subjectId)
          throw new BrokerError('state_conflict', 'the account is already linked to this person')
        if (account.state === 'open') await move(tx, account, 'doubt')
        else if (account.state === 'retired' && outcome === 'retired') await move(tx, account, 'reopen')
        else if (account.state !== 'in_review' && account.state !== 'linked') throw isIn(account.state)
        const reopened = await reopenCases(tx, caseId, by).catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error
          throw new BrokerError('state_conflict', 'the same case is already open')
        })
        for (const again of reopened) {
          if (again.reason === 'number_changed')
            await changeClasses(tx, account.account, { add: classMask(['number_changed']) })
          const detail = { case: again.id, account: account.account, was: outcome }
          note({ event: 'review.reopened', ...about(again, by), detail })
        }
      }),

    end: (linkId, account, by) =>
      audited({ db, log }, async (tx, note) => {
        const row = await lockAccount(tx, account)
        if (row === undefined) throw new BrokerError('account_unknown')
        const ended = await endLink(tx, linkId, account, { by: by.actor, reason: by.reason })
        if (ended === undefined) throw new BrokerError('state_conflict', 'the link is not active')
        await move(tx, row, 'end')
        const { clientId, subjectId, method } = ended
        const asked = { account, clientId, reason: 'unlinked', subjectId, sealed: null, ...why(by) }
        const id = await openCase(tx, asked)
        const who = about(ended, by)
        note({ event: 'link.ended', ...who, detail: { link: linkId, account, method } })
        if (id !== undefined)
          note({ event: 'review.opened', ...who, detail: { case: id, account, reason: 'unlinked' } })
      }),
  }
}

/** Actor and reason in the columns' names of a case. */
const why = ({ actor, reason, reference }: Reasoned) => ({ by: actor, why: reason, reference })
