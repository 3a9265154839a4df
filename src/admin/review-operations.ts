/** The questions that wait for an operator, both sides of each, and what one operator decides alone. */
import { z } from 'zod'
import type { CitizenKeys, Identifier } from '../citizen-id.ts'
import { record as recordEvents } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../log.ts'
import { classesOf } from '../mapping/classes.ts'
import type { Decisions } from '../mapping/decisions.ts'
import { sameBirthDate, sameName } from '../mapping/names.ts'
import type { Proposals } from '../mapping/proposals.ts'
import type { LegacyRecord, LegacyRecords } from '../mapping/record.ts'
import { findAccountByNumber, listLinkHistory } from '../store/accounts.ts'
import type { Database } from '../store/db.ts'
import { findActiveIdentifier, findHolder } from '../store/identifiers.ts'
import { type CaseRow, findCase, listCases, listOpenCases, listProposals } from '../store/reviews.ts'
import { accountNumber, citizenNumber, clientId, masked, uuidOf, words } from './mapping-input.ts'
import { tellCase, tellLink, tellProposal } from './mapping-output.ts'
import { type Operation, operation } from './operation.ts'

const longestPage = 200
const cursor = z.string().transform((text, ctx) => {
  const [at = '', id = ''] = text.split('_')
  if (z.iso.datetime().safeParse(at).success && z.uuid().safeParse(id).success) return { at, id }
  ctx.addIssue({ code: 'custom', message: 'must be the `next` of a page' })
  return z.NEVER
})

type Side = Pick<LegacyRecord, 'identifier' | 'cmnd' | 'name' | 'birthDate'>

export function reviewOperations({
  db,
  log,
  citizenKeys,
  records,
  decisions,
  proposals,
}: {
  db: Database
  log: Log
  citizenKeys: CitizenKeys
  records: LegacyRecords
  decisions: Decisions
  proposals: Proposals
}): Operation[] {
  /** Sealed with the case as long as it is open; else no more than the number that the person has here. */
  async function otherSide({ sealed, subjectId, outcome }: CaseRow, accountKey: Buffer) {
    if (sealed !== null) return records.open(accountKey, sealed)
    if (subjectId === null || outcome !== null) return undefined
    const active = await findActiveIdentifier(db, subjectId)
    return active && { identifier: citizenKeys.open(active.type, active.sealed) }
  }
  const holderOf = async (number: Identifier): Promise<string> => {
    const holder = await findHolder(db, number.type, citizenKeys.keys(number))
    if (holder === undefined) throw new BrokerError('input_invalid', 'citizen_id: nobody came here with it')
    if (holder.cancelled) throw new BrokerError('state_conflict', 'the number is cancelled')
    return holder.subjectId
  }

  return [
    operation({
      method: 'GET',
      path: '/v1/reviews',
      roles: ['mapping_officer', 'auditor'],
      query: z.strictObject({
        client: clientId.optional(),
        after: cursor.optional(),
        limit: z.coerce.number().int().min(1).max(longestPage).default(50),
      }),
      async handle({ query: { client = null, after = null, limit } }) {
        const rows = await listOpenCases(db, { clientId: client, after, limit })
        const last = rows.length === limit ? rows.at(-1) : undefined
        return { reviews: rows.map(tellCase), next: last === undefined ? null : `${last.at}_${last.id}` }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/reviews/:id',
      roles: ['mapping_officer', 'auditor'],
      async handle({ operator, params, reference }) {
        const question = await findCase(db, uuidOf(params.id))
        const account = question && (await findAccountByNumber(db, question.account))
        if (question === undefined || account === undefined) throw new BrokerError('case_gone')
        const ours = records.open(account.accountKey, account.sealed)
        const other = await otherSide(question, account.accountKey)
        const [cases, links, made] = await Promise.all([
          listCases(db, account.account),
          listLinkHistory(db, account.account),
          listProposals(db, question.id),
        ])
        // Before the answer: whoever has read it, it is known of.
        const detail = { case: question.id, account: account.account }
        const { clientId: client, subjectId } = question
        const who = {
          clientId: client,
          ...(subjectId !== null && { subjectId }),
          actor: operator.id,
          reference,
        }
        await recordEvents(db, log, [{ event: 'review.read', ...who, detail }])
        return {
          ...tellCase(question),
          account: {
            account: account.account,
            state: account.state,
            kind: account.kind,
            classes: classesOf(account.classes),
            created_by: account.createdBy,
            attested_on: account.attestedOn,
            last_used_on: account.lastUsedOn,
            province: account.province,
            ...tellSide(ours),
          },
          other: other === undefined ? null : tellSide(other),
          agrees: agreements(ours, other),
          history: {
            reviews: cases.filter(({ id }) => id !== question.id).map(tellCase),
            links: links.map(tellLink),
            proposals: made.map(tellProposal),
          },
        }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/reviews',
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
        ),
      status: 201,
      async handle({ operator, body: { account, citizen_id: number, subject, reason }, reference }) {
        const subjectId = number === undefined ? subject! : await holderOf(number)
        return { id: await decisions.question(account, subjectId, { by: operator.id, reason, reference }) }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/reviews/:id/propose',
      roles: ['mapping_officer'],
      body: z.strictObject({ reason: words, evidence: words }),
      status: 201,
      async handle({ operator, params, body, reference }) {
        return {
          proposal: await proposals.propose(uuidOf(params.id), { by: operator.id, ...body, reference }),
        }
      },
    }),

    ...(['dismiss', 'retire', 'reopen'] as const).map((what) =>
      operation({
        method: 'POST',
        path: `/v1/reviews/:id/${what}`,
        roles: ['mapping_officer'],
        body: z.strictObject({ reason: words }),
        handle: ({ operator, params, body: { reason }, reference }) =>
          decisions[what](uuidOf(params.id), { by: operator.id, reason, reference }),
      }),
    ),
  ]
}

const tellSide = ({ identifier, cmnd, name, birthDate }: Side) => ({
  name: name ?? null,
  birth_date: birthDate ?? null,
  number: masked(identifier?.reveal()),
  number_type: identifier?.type ?? null,
  cmnd: masked(cmnd),
})

/** Null: one side does not say. */
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
