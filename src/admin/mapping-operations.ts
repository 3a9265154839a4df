/** Legacy accounts and persons: what an operator finds, the end of a link, and what takes two operators. */
import { z } from 'zod'
import { record as recordEvents } from '../audit.ts'
import type { CitizenKeys } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../log.ts'
import { classesOf } from '../mapping/classes.ts'
import type { Decisions } from '../mapping/decisions.ts'
import type { Proposals } from '../mapping/proposals.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import { type AccountRow, findAccount, listLinkHistory, searchAccounts } from '../store/accounts.ts'
import type { Database } from '../store/db.ts'
import { findHolder } from '../store/identifiers.ts'
import { listOpenProposals } from '../store/reviews.ts'
import {
  accountNumber,
  citizenNumber,
  clientId,
  masked,
  maskedAccountId,
  uuidOf,
  words,
} from './mapping-input.ts'
import { tellLink, tellProposal } from './mapping-output.ts'
import { type Operation, operation } from './operation.ts'

const ways = ['citizen_id', 'cmnd', 'account_id'] as const
const searched = z
  .strictObject({
    client: clientId.optional(),
    citizen_id: citizenNumber.optional(),
    cmnd: z
      .string()
      .regex(/^\d{9}$/, 'must be 9 digits')
      .optional(),
    account_id: z.string().min(1).max(500).optional(),
  })
  .refine(
    (by) => ways.filter((way) => by[way] !== undefined).length === 1,
    'give one of citizen_id, cmnd, account_id',
  )
  .refine(
    ({ client, account_id: accountId }) => accountId === undefined || client !== undefined,
    'account_id needs client',
  )

export function mappingOperations({
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
  async function find({
    client,
    citizen_id: number,
    cmnd,
    account_id: accountId,
  }: z.output<typeof searched>) {
    if (accountId !== undefined) {
      const found = await findAccount(db, client!, records.accountKey(client!, accountId))
      return found === undefined ? [] : [found]
    }
    const [column, keys] =
      number === undefined
        ? (['hint_key', records.cmndKeys(cmnd!)] as const)
        : (['identifier_key', records.numberKeys(number)] as const)
    return searchAccounts(db, { column, keys, clientId: client ?? null })
  }
  async function tell(row: AccountRow) {
    const { accountId, identifier, cmnd } = records.open(row.accountKey, row.sealed)
    return {
      account: row.account,
      client: row.clientId,
      account_id: maskedAccountId(accountId),
      kind: row.kind,
      state: row.state,
      classes: classesOf(row.classes),
      attested_on: row.attestedOn,
      number: masked(identifier?.reveal()),
      cmnd: masked(cmnd),
      link:
        row.linkId === null
          ? null
          : { id: row.linkId, subject: row.subjectId, method: row.method, linked_at: row.linkedAt },
      history: (await listLinkHistory(db, row.account)).map(tellLink),
    }
  }

  return [
    operation({
      method: 'POST',
      path: '/v1/accounts/search',
      roles: ['mapping_officer', 'auditor'],
      body: searched,
      async handle({ operator, body, reference }) {
        const rows = await find(body)
        const by = ways.find((way) => body[way] !== undefined)!
        // The portal's name only where it is one: it comes from outside, and may be anything.
        const about = { ...(rows.length > 0 && body.client !== undefined && { clientId: body.client }) }
        const detail = { by, found: rows.length }
        await recordEvents(db, log, [
          { event: 'account.searched', ...about, actor: operator.id, reference, detail },
        ])
        return { accounts: await Promise.all(rows.map(tell)) }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/accounts/:account/links/:link/end',
      roles: ['mapping_officer'],
      body: z.strictObject({ reason: words }),
      async handle({ operator, params, body: { reason }, reference }) {
        const account = accountNumber.safeParse(params.account)
        if (!account.success) throw new BrokerError('account_unknown')
        await decisions.end(uuidOf(params.link), account.data, { by: operator.id, reason, reference })
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/proposals',
      roles: ['mapping_officer', 'auditor'],
      async handle() {
        const rows = await listOpenProposals(db)
        return {
          proposals: rows.map((row) => {
            const reveal = (sealed: Buffer | null) =>
              sealed === null || row.oldType === null
                ? null
                : masked(citizenKeys.open(row.oldType, sealed).reveal())
            const numbers = { old_number: reveal(row.oldSealed), new_number: reveal(row.sealed) }
            const { clientId: client, account } = row
            return { ...tellProposal(row), client, account, ...(row.kind === 'rekey' && numbers) }
          }),
        }
      },
    }),

    ...(['approve', 'decline'] as const).map((what) =>
      operation({
        method: 'POST',
        path: `/v1/proposals/:id/${what}`,
        roles: ['mapping_officer'],
        handle: ({ operator, params, reference }) =>
          proposals[what](uuidOf(params.id), { by: operator.id, reference }),
      }),
    ),

    operation({
      method: 'POST',
      path: '/v1/citizens/rekey',
      roles: ['mapping_officer'],
      body: z.strictObject({
        old_number: citizenNumber,
        new_number: citizenNumber,
        evidence: words,
        reason: words,
      }),
      status: 201,
      async handle({ operator, body, reference }) {
        const { old_number: old, new_number: number, evidence, reason } = body
        if (old.reveal() === number.reveal())
          throw new BrokerError('input_invalid', 'the two numbers are one')
        const holder = await findHolder(db, old.type, citizenKeys.keys(old))
        if (holder === undefined)
          throw new BrokerError('input_invalid', 'old_number: nobody came here with it')
        if (holder.cancelled) throw new BrokerError('state_conflict', 'the old number is cancelled already')
        if (holder.disabled) throw new BrokerError('state_conflict', 'the person may not be used any more')
        const { subjectId } = holder
        const proposing = { by: operator.id, evidence, reason, reference }
        const sealed = citizenKeys.seal(number)
        return { proposal: await proposals.proposeRekey({ subjectId, sealed }, proposing) }
      },
    }),
  ]
}
