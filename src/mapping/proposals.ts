/**
 * What two operators decide: one proposes, another approves. A link by hand, another number for an account, and a
 * person's new number.
 */
import { BrokerError } from '../errors.ts'
import { type By, type Note, type Reasoned, audited } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import { type Database, type Db, isUniqueViolation } from '../store/db.ts'
import { changeClasses } from '../store/accounts.ts'
import { insertOperatorLink } from '../store/links.ts'
import { type ProposalRow, decideProposal, findProposal, insertProposal } from '../store/proposals.ts'
import { answerCases } from '../store/reviews.ts'
import { acceptChangedRow, changedRow } from './changed-number.ts'
import { classMask } from './classes.ts'
import {
  type Taken,
  about,
  aboutPerson,
  isAboutRow,
  isIn,
  move,
  noteEndOfProposals,
  take,
  takeOpen,
} from './decision.ts'
import { rules, situationOf } from './linking.ts'
import type { LegacyRecords } from './record.ts'
import type { Rekey } from './rekey.ts'
import { assertTwoPersons } from './two-persons.ts'

export interface Proposing extends Reasoned {
  /** What it rests on: which papers were seen, by whom, where. */
  readonly evidence: string
}

export interface Proposals {
  /** The first person's half of what answers a case: a link, or the row that differed. @returns the proposal */
  propose(caseId: string, by: Proposing): Promise<string>
  /** The first person's half of a person's move to a new number. @returns the proposal */
  proposeRekey(
    number: { readonly subjectId: string; readonly sealed: Buffer },
    by: Proposing,
  ): Promise<string>
  /** The second person's half: carries the proposal out. When it cannot be, it stays open. */
  approve(proposalId: string, by: By): Promise<void>
  /** By another: rejected; by who proposed it: withdrawn. */
  decline(proposalId: string, by: By): Promise<void>
}

export function createProposals({
  db,
  log,
  records,
  rekey,
}: {
  db: Database
  log: Log
  records: LegacyRecords
  rekey: Rekey
}): Proposals {
  /** What is proposed by proposing at all. */
  function answerTo(taken: Taken): Pick<ProposalRow, 'kind' | 'subjectId'> {
    const { reason, subjectId } = taken.question
    if (reason === 'number_changed') {
      changedRow(records, taken)
      return { kind: 'accept', subjectId: null }
    }
    if (subjectId === null || isAboutRow(taken.question))
      throw new BrokerError('state_conflict', 'the case is about a row, not a person: ask by hand')
    return { kind: 'link', subjectId }
  }

  return {
    propose: (caseId, by) =>
      audited({ db, log }, async (tx, note) => {
        const taken = await takeOpen(tx, caseId)
        const { question } = taken
        const answer = answerTo(taken)
        const id = await insert(tx, { ...answer, caseId, sealed: null }, by)
        const detail = { proposal: id, kind: answer.kind, case: caseId }
        note({ event: 'proposal.made', ...about(question, by), detail })
        return id
      }),

    proposeRekey: ({ subjectId, sealed }, by) =>
      audited({ db, log }, async (tx, note) => {
        const id = await insert(tx, { kind: 'rekey', caseId: null, subjectId, sealed }, by)
        const { actor, reference } = by
        note({ event: 'proposal.made', subjectId, actor, reference, detail: { proposal: id, kind: 'rekey' } })
        return id
      }),

    approve: (proposalId, by) =>
      audited({ db, log }, async (tx, note) => {
        const proposal = await findProposal(tx, proposalId)
        if (proposal === undefined) throw new BrokerError('case_gone')
        const { kind, caseId } = proposal
        await assertTwoPersons(tx, proposal, { by: by.actor, roles: ['mapping_officer'] })
        // The account first, as everywhere; a rekey, which has none, queues at the person's number.
        const taken = caseId === null ? undefined : await take(tx, caseId)
        if (!(await decideProposal(tx, proposalId, { decision: 'approved', by: by.actor })))
          throw new BrokerError('case_gone')
        const { actor, reference } = by
        const detail = { proposal: proposalId, kind, decision: 'approved' }
        note({ event: 'proposal.decided', ...aboutPerson(proposal.subjectId), actor, reference, detail })
        if (proposal.kind === 'accept') await acceptChangedRow(tx, records, proposal, taken!, by, note)
        else if (taken === undefined) await rekey(tx, proposal, by, note)
        else await link(tx, proposal, taken, by, note)
      }),

    decline: (proposalId, { actor, reference }) =>
      audited({ db, log }, async (tx, note) => {
        const proposal = await findProposal(tx, proposalId)
        const decision = proposal?.proposedBy === actor ? ('withdrawn' as const) : ('rejected' as const)
        if (proposal === undefined || !(await decideProposal(tx, proposalId, { decision, by: actor })))
          throw new BrokerError('case_gone')
        const { subjectId, kind } = proposal
        const detail = { proposal: proposalId, kind, decision }
        note({ event: 'proposal.decided', ...aboutPerson(subjectId), actor, reference, detail })
      }),
  }
}

async function insert(
  tx: Db,
  what: Pick<ProposalRow, 'kind' | 'caseId' | 'subjectId' | 'sealed'>,
  { actor: proposedBy, evidence, reason }: Proposing,
): Promise<string> {
  return insertProposal(tx, { ...what, evidence, reason, proposedBy }).catch((error: unknown) => {
    if (isUniqueViolation(error)) throw new BrokerError('state_conflict', 'a proposal is open already')
    throw error
  })
}

async function link(
  tx: Db,
  proposal: ProposalRow & { readonly subjectId: string },
  { question, account }: Taken,
  by: By,
  note: Note,
): Promise<void> {
  const { subjectId, reason } = proposal
  const { clientId, account: id } = account
  if (question.outcome !== null) throw new BrokerError('case_gone')
  const situation = situationOf({ state: account.state, holder: account.subjectId }, subjectId)
  if (rules.operators[situation] !== 'link') throw isIn(account.state)
  const evidence = { case: question.id, proposal: proposal.id, proposed_by: proposal.proposedBy }
  const made = await insertOperatorLink(tx, { account: id, clientId, subjectId, evidence, by: by.actor })
  if (made === undefined) throw new BrokerError('state_conflict', 'the person may not be used any more')
  await move(tx, account, account.state === 'open' ? 'link' : 'approve')
  const answered = await answerCases(tx, id, { subjectId, by: by.actor, reason })
  if (answered.some((one) => one.reason === 'number_changed'))
    await changeClasses(tx, id, { drop: classMask(['number_changed']) })
  for (const one of answered) {
    const detail = { case: one.id, account: id, outcome: one.outcome, proposal: proposal.id }
    note({ event: 'review.decided', ...about(one, by), detail })
  }
  const detail = { link: made, account: id, method: 'operators', case: question.id, proposal: proposal.id }
  note({ event: 'link.created', ...about({ clientId, subjectId }, by), detail })
  await noteEndOfProposals(tx, { account: id }, by, note)
}
