/**
 * What two operators decide: one proposes, another approves. A link by hand, another number for an account, and a
 * person's new number.
 */
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type Database, type Db, isUniqueViolation } from '../store/db.ts'
import { changeClasses } from '../store/accounts.ts'
import { insertOperatorLink } from '../store/links.ts'
import { type ProposalRow, decideProposal, findProposal, insertProposal } from '../store/proposals.ts'
import { answerCases } from '../store/reviews.ts'
import { acceptChangedRow, changedRow } from './changed-number.ts'
import { classMask } from './classes.ts'
import {
  type Decision,
  type Deciding,
  type Note,
  type Taken,
  about,
  aboutPerson,
  createDecide,
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

export interface Proposing extends Decision {
  /** What it rests on: which papers were seen, by whom, where. */
  readonly evidence: string
}

export interface Proposals {
  /** The first person's half of what answers a case: a link, or the row that differed. @returns the proposal */
  propose(caseId: string, proposing: Proposing): Promise<string>
  /** The first person's half of a person's move to a new number. @returns the proposal */
  proposeRekey(
    number: { readonly subjectId: string; readonly sealed: Buffer },
    proposing: Proposing,
  ): Promise<string>
  /** The second person's half: carries the proposal out. When it cannot be, it stays open. */
  approve(proposalId: string, deciding: Deciding): Promise<void>
  /** By another: rejected; by who proposed it: withdrawn. */
  decline(proposalId: string, deciding: Deciding): Promise<void>
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
  const decide = createDecide({ db, log })
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
    propose: (caseId, proposing) =>
      decide(async (tx, note) => {
        const taken = await takeOpen(tx, caseId)
        const { question } = taken
        const answer = answerTo(taken)
        const id = await insert(tx, { ...answer, caseId, sealed: null }, proposing)
        const detail = { proposal: id, kind: answer.kind, case: caseId }
        note({ event: 'proposal.made', ...about(question, proposing), detail })
        return id
      }),

    proposeRekey: ({ subjectId, sealed }, proposing) =>
      decide(async (tx, note) => {
        const id = await insert(tx, { kind: 'rekey', caseId: null, subjectId, sealed }, proposing)
        const { by: actor, reference } = proposing
        note({ event: 'proposal.made', subjectId, actor, reference, detail: { proposal: id, kind: 'rekey' } })
        return id
      }),

    approve: (proposalId, deciding) =>
      decide(async (tx, note) => {
        const proposal = await findProposal(tx, proposalId)
        if (proposal === undefined) throw new BrokerError('case_gone')
        const { kind, caseId } = proposal
        await assertTwoPersons(tx, proposal, { by: deciding.by, roles: ['mapping_officer'] })
        // The account first, as everywhere; a rekey, which has none, queues at the person's number.
        const taken = caseId === null ? undefined : await take(tx, caseId)
        if (!(await decideProposal(tx, proposalId, { decision: 'approved', by: deciding.by })))
          throw new BrokerError('case_gone')
        const { by: actor, reference } = deciding
        const detail = { proposal: proposalId, kind, decision: 'approved' }
        note({ event: 'proposal.decided', ...aboutPerson(proposal.subjectId), actor, reference, detail })
        if (proposal.kind === 'accept') await acceptChangedRow(tx, records, proposal, taken!, deciding, note)
        else if (taken === undefined) await rekey(tx, proposal, deciding, note)
        else await link(tx, proposal, taken, deciding, note)
      }),

    decline: (proposalId, { by, reference }) =>
      decide(async (tx, note) => {
        const proposal = await findProposal(tx, proposalId)
        const decision = proposal?.proposedBy === by ? ('withdrawn' as const) : ('rejected' as const)
        if (proposal === undefined || !(await decideProposal(tx, proposalId, { decision, by })))
          throw new BrokerError('case_gone')
        const { subjectId, kind } = proposal
        const detail = { proposal: proposalId, kind, decision }
        note({ event: 'proposal.decided', ...aboutPerson(subjectId), actor: by, reference, detail })
      }),
  }
}

async function insert(
  tx: Db,
  what: Pick<ProposalRow, 'kind' | 'caseId' | 'subjectId' | 'sealed'>,
  { by: proposedBy, evidence, reason }: Proposing,
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
  deciding: Deciding,
  note: Note,
): Promise<void> {
  const { by } = deciding
  const { subjectId, reason } = proposal
  const { clientId, account: id } = account
  if (question.outcome !== null) throw new BrokerError('case_gone')
  const situation = situationOf({ state: account.state, holder: account.subjectId }, subjectId)
  if (rules.operators[situation] !== 'link') throw isIn(account.state)
  const evidence = { case: question.id, proposal: proposal.id, proposed_by: proposal.proposedBy }
  const made = await insertOperatorLink(tx, { account: id, clientId, subjectId, evidence, by })
  if (made === undefined) throw new BrokerError('state_conflict', 'the person may not be used any more')
  await move(tx, account, account.state === 'open' ? 'link' : 'approve')
  const answered = await answerCases(tx, id, { subjectId, by, reason })
  if (answered.some((one) => one.reason === 'number_changed'))
    await changeClasses(tx, id, { drop: classMask(['number_changed']) })
  for (const one of answered) {
    const detail = { case: one.id, account: id, outcome: one.outcome, proposal: proposal.id }
    note({ event: 'review.decided', ...about(one, deciding), detail })
  }
  const detail = { link: made, account: id, method: 'operators', case: question.id, proposal: proposal.id }
  note({ event: 'link.created', ...about({ clientId, subjectId }, deciding), detail })
  await noteEndOfProposals(tx, { account: id }, deciding, note)
}
