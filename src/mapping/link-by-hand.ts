/** A link by hand: one officer asks for it on a case, another approves. */
import { kind } from '../approvals/kind.ts'
import { endApprovals } from '../approvals/approvals.ts'
import { BrokerError } from '../errors.ts'
import { askedDetail } from '../recording.ts'
import { changeClasses } from '../store/accounts.ts'
import { insertOperatorLink } from '../store/links.ts'
import { answerCases } from '../store/reviews.ts'
import { about, isAboutRow, isIn, move, ofCase, takeOpen } from './case.ts'
import { classMask } from './classes.ts'
import { rules, situationOf } from './linking.ts'

export const linkByHand = kind({
  ...ofCase,
  name: 'account.link',
  about: 'Links a legacy account to the person of its case.',

  async check(tx, { case: id }) {
    const { question } = await takeOpen(tx, id)
    if (question.subjectId === null || isAboutRow(question))
      throw new BrokerError(
        'state_conflict',
        'the case is about an imported row, not a person; open a case by hand',
      )
  },

  async carryOut(tx, note, { case: id }, by) {
    const { question, account } = await takeOpen(tx, id)
    const { clientId, account: accountId, state } = account
    const { subjectId } = question
    if (subjectId === null) throw new BrokerError('state_conflict', 'the case has no person')
    const situation = situationOf({ state, holder: account.subjectId }, subjectId)
    if (rules.operators[situation] !== 'link') throw isIn(state)
    const { actor, askedBy, approval, reason = '' } = by
    const evidence = { case: id, approval: approval!, asked_by: askedBy }
    const link = await insertOperatorLink(tx, {
      account: accountId,
      clientId,
      subjectId,
      evidence,
      by: actor,
    })
    if (link === undefined) throw new BrokerError('state_conflict', 'the person is disabled')
    await move(tx, account, state === 'open' ? 'link' : 'approve')
    const answered = await answerCases(tx, accountId, { subjectId, by: actor, reason })
    if (answered.some((one) => one.reason === 'number_changed'))
      await changeClasses(tx, accountId, { drop: classMask(['number_changed']) })
    const asked = { approval: approval!, ...askedDetail(by) }
    for (const one of answered) {
      const detail = { case: one.id, account: accountId, outcome: one.outcome, ...asked }
      note({ event: 'review.decided', ...about(one, by), detail })
    }
    const detail = { link, account: accountId, method: 'operators', case: id, ...asked }
    note({ event: 'link.created', ...about({ clientId, subjectId }, by), detail })
    await endApprovals(tx, note, { account: accountId }, by)
  },
})
