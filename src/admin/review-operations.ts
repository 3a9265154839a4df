/** Operations on cases: list, show both sides, open, confirm, dismiss, retire, reopen. */
import { z } from 'zod'
import { type Identifier, masked } from '../citizen-id.ts'
import { record } from '../recording.ts'
import { BrokerError } from '../errors.ts'
import { classNames, classesOf } from '../mapping/classes.ts'
import { sameBirthDate, sameName } from '../mapping/names.ts'
import type { LegacyRecord } from '../mapping/record.ts'
import { listApprovalsOfCase } from '../store/approvals.ts'
import { findAccountByNumber, listLinkHistory } from '../store/accounts.ts'
import { findActiveIdentifier, findHolder } from '../store/identifiers.ts'
import { type CaseRow, findCase, listCases, listOpenCases } from '../store/reviews.ts'
import { alwaysWaits, presentWaiting } from './asking.ts'
import { type MappingParts, accountNumber, citizenNumber, clientId, uuidOf, words } from './mapping-input.ts'
import {
  approvalAnswer,
  linkAnswer,
  reviewAnswer,
  presentApproval,
  presentCase,
  presentLink,
} from './mapping-output.ts'
import { type Operation, operation } from './operation.ts'
import { limit, momentCursor, momentCursorOf, pageEnd, pageOf } from './paging.ts'
import { accountStates, populations } from '../vocabulary.ts'

type Side = Pick<LegacyRecord, 'identifier' | 'cmnd' | 'name' | 'birthDate'>
/** Numbers are masked to their last three digits. */
const sideAnswer = z.strictObject({
  name: z.string().nullable(),
  birth_date: z.string().nullable(),
  number: z.string().nullable(),
  number_type: z.string().nullable(),
  cmnd: z.string().nullable(),
})
const agrees = z.boolean().nullable()
const reviewInFull = reviewAnswer
  .extend({
    account: sideAnswer.extend({
      account: z.string(),
      state: z.enum(accountStates),
      kind: z.enum(populations),
      classes: z.array(z.enum(classNames)),
      created_by: z.string(),
      attested_on: z.iso.date().nullable(),
      last_used_on: z.iso.date().nullable(),
      province: z.string(),
    }),
    other: sideAnswer.nullable(),
    agrees: z.strictObject({ number: agrees, name: agrees, birth_date: agrees }),
    history: z.strictObject({
      reviews: z.array(reviewAnswer),
      links: z.array(linkAnswer),
      approvals: z.array(approvalAnswer),
    }),
  })
  .meta({ id: 'ReviewInFull' })
export type ReviewInFull = z.output<typeof reviewInFull>

export function reviewOperations({
  db,
  log,
  citizenKeys,
  records,
  acts,
  approvals,
  kinds,
}: MappingParts): Operation[] {
  /** The side sealed in the open case; otherwise only the subject's active number, if the case is still open. */
  async function otherSide({ sealed, subjectId, outcome }: CaseRow, accountKey: Buffer) {
    if (sealed !== null) return records.open(accountKey, sealed)
    if (subjectId === null || outcome !== null) return undefined
    const active = await findActiveIdentifier(db, subjectId)
    return active && { identifier: citizenKeys.open(active.type, active.sealed) }
  }
  const holderOf = async (number: Identifier): Promise<string> => {
    const holder = await findHolder(db, number.type, citizenKeys.keys(number))
    if (holder === undefined)
      throw new BrokerError('input_invalid', 'citizen_id: no person has signed in with this number')
    if (holder.cancelled) throw new BrokerError('state_conflict', 'the number is cancelled')
    return holder.subjectId
  }

  return [
    operation({
      method: 'GET',
      path: '/v1/reviews',
      about: 'Lists the open cases, oldest first.',
      roles: ['mapping_officer', 'auditor'],
      query: z.strictObject({ client: clientId.optional(), after: momentCursor.optional(), limit }),
      answer: z.strictObject({ reviews: z.array(reviewAnswer), ...pageEnd }),
      async handle({ query: { client = null, after, limit: longest } }) {
        const listed = await listOpenCases(db, { clientId: client, after, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after: after?.text }, momentCursorOf)
        return { reviews: rows.map(presentCase), ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/reviews/:id',
      about: 'Returns both sides of a case and the earlier decisions. The read is audited.',
      refuses: ['case_gone'],
      roles: ['mapping_officer', 'auditor'],
      answer: reviewInFull,
      async handle({ operator, params, reference }) {
        const question = await findCase(db, uuidOf(params.id))
        const account = question && (await findAccountByNumber(db, question.account))
        if (question === undefined || account === undefined) throw new BrokerError('case_gone')
        const ours = records.open(account.accountKey, account.sealed)
        const other = await otherSide(question, account.accountKey)
        const [cases, links, asked] = await Promise.all([
          listCases(db, account.account),
          listLinkHistory(db, account.account),
          listApprovalsOfCase(db, question.id),
        ])
        // Recorded before the answer is sent, so that no read goes unrecorded.
        const detail = { case: question.id, account: account.account }
        const { clientId: client, subjectId } = question
        const who = {
          clientId: client,
          ...(subjectId !== null && { subjectId }),
          actor: operator.id,
          reference,
        }
        await record({ db, log }, [{ event: 'review.read', ...who, detail }])
        return {
          ...presentCase(question),
          account: {
            account: account.account,
            state: account.state,
            kind: account.kind,
            classes: classesOf(account.classes),
            created_by: account.createdBy,
            attested_on: account.attestedOn,
            last_used_on: account.lastUsedOn,
            province: account.province,
            ...presentSide(ours),
          },
          other: other === undefined ? null : presentSide(other),
          agrees: agreements(ours, other),
          history: {
            reviews: cases.filter(({ id }) => id !== question.id).map(presentCase),
            links: links.map(presentLink),
            approvals: asked.map(presentApproval),
          },
        }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/reviews',
      about: 'Opens a case by hand, about whether an account belongs to a person.',
      refuses: ['account_unknown'],
      roles: ['mapping_officer'],
      body: z
        .strictObject({
          account: accountNumber,
          citizen_id: citizenNumber.optional(),
          subject: z.uuid().optional(),
          reason: words,
        })
        .refine(
          ({ citizen_id: number, subject }) => (number === undefined) !== (subject === undefined),
          'give one of citizen_id, subject',
        )
        .meta({ oneOf: [{ required: ['citizen_id'] }, { required: ['subject'] }] }),
      status: 201,
      answer: z.strictObject({ id: z.uuid() }),
      async handle({ operator, body: { account, citizen_id: number, subject, reason }, reference }) {
        const subjectId = number === undefined ? subject! : await holderOf(number)
        return { id: await acts.question(account, subjectId, { actor: operator.id, reason, reference }) }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/reviews/:id/confirm',
      about:
        'Asks to confirm that the account belongs to the person, or that the changed number is right; another officer approves.',
      refuses: ['case_gone'],
      roles: ['mapping_officer'],
      body: z.strictObject({ reason: words, evidence: words }),
      ...alwaysWaits,
      async handle({ operator, params, body, reference }) {
        const question = await findCase(db, uuidOf(params.id))
        if (question === undefined) throw new BrokerError('case_gone')
        const by = { actor: operator.id, ...body, reference }
        return presentWaiting(await approvals.ask(kinds.confirming(question), { case: question.id }, by))
      },
    }),

    ...(['dismiss', 'retire', 'reopen'] as const).map((what) =>
      operation({
        method: 'POST',
        path: `/v1/reviews/:id/${what}`,
        about: {
          dismiss: 'Dismisses a case: the account is not the person’s, or the changed row is rejected.',
          retire: 'Retires the account of a case: it is no longer in use.',
          reopen: 'Reopens a case that was dismissed or whose account was retired.',
        }[what],
        refuses: ['case_gone'],
        roles: ['mapping_officer'],
        body: z.strictObject({ reason: words }),
        handle: ({ operator, params, body: { reason }, reference }) =>
          acts[what](uuidOf(params.id), { actor: operator.id, reason, reference }),
      }),
    ),
  ]
}

const presentSide = ({ identifier, cmnd, name, birthDate }: Side) => ({
  name: name ?? null,
  birth_date: birthDate ?? null,
  number: masked(identifier?.reveal()),
  number_type: identifier?.type ?? null,
  cmnd: masked(cmnd),
})

/** Null where one side has no value. */
function agreements(ours: Side, other: Side | undefined) {
  const compare = <T>(a: T | undefined, b: T | undefined, same: (a: T, b: T) => boolean) =>
    a === undefined || b === undefined ? null : same(a, b)
  return {
    number: compare(
      ours.identifier,
      other?.identifier,
      (a, b) => a.type === b.type && a.reveal() === b.reveal(),
    ),
    name: compare(ours.name, other?.name, sameName),
    birth_date: compare(ours.birthDate, other?.birthDate, sameBirthDate),
  }
}
