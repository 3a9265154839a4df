/** Operations on legacy accounts and persons: search, end a link, change a person's number. */
import { z } from 'zod'
import { idOfAccount, numberOf } from '../http/account-id.ts'
import { record } from '../recording.ts'
import { masked } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { classNames, classesOf } from '../mapping/classes.ts'
import { type AccountRow, findAccount, listLinkHistory, searchAccounts } from '../store/accounts.ts'
import { findHolder } from '../store/identifiers.ts'
import { findOperatorByNumber } from '../store/operators.ts'
import { alwaysWaits, presentWaiting } from './asking.ts'
import {
  type MappingParts,
  accountNumber,
  citizenNumber,
  clientId,
  maskedAccountId,
  uuidOf,
  words,
} from './mapping-input.ts'
import { linkAnswer, presentLink } from './mapping-output.ts'
import { type Operation, operation } from './operation.ts'
import { limitInBody, pageEnd, pageOf } from './paging.ts'
import { accountStates, populations } from '../vocabulary.ts'

const ways = ['citizen_id', 'cmnd', 'account_id'] as const
const searched = z
  .strictObject({
    client: clientId.optional(),
    citizen_id: citizenNumber.optional(),
    cmnd: numberOf(9).optional(),
    account_id: idOfAccount.optional(),
    after: accountNumber.optional(),
    limit: limitInBody,
  })
  .refine(
    (by) => ways.filter((way) => by[way] !== undefined).length === 1,
    'give one of citizen_id, cmnd, account_id',
  )
  .refine(
    ({ client, account_id: accountId }) => accountId === undefined || client !== undefined,
    'account_id needs client',
  )
  .meta({
    oneOf: ways.map((way) => ({ required: [way] })),
    dependentRequired: { account_id: ['client'] },
  })

const found = z
  .strictObject({
    account: z.string(),
    client: z.string(),
    account_id: z.string(),
    kind: z.enum(populations),
    state: z.enum(accountStates),
    classes: z.array(z.enum(classNames)),
    attested_on: z.iso.date().nullable(),
    number: z.string().nullable(),
    cmnd: z.string().nullable(),
    link: z
      .strictObject({
        id: z.uuid(),
        subject: z.uuid().nullable(),
        method: z.string().nullable(),
        linked_at: z.iso.datetime().nullable(),
      })
      .nullable(),
    history: z.array(linkAnswer),
  })
  .meta({ id: 'FoundAccount' })
export type FoundAccount = z.output<typeof found>
export function mappingOperations({
  db,
  log,
  citizenKeys,
  records,
  acts,
  approvals,
  kinds,
}: MappingParts): Operation[] {
  async function find({
    client,
    citizen_id: number,
    cmnd,
    account_id: accountId,
    after,
    limit: longest,
  }: z.output<typeof searched>) {
    if (accountId !== undefined) {
      const row = await findAccount(db, client!, records.accountKey(client!, accountId))
      return row === undefined || after !== undefined ? [] : [row]
    }
    const [column, keys] =
      number === undefined
        ? (['hint_key', records.cmndKeys(cmnd!)] as const)
        : (['identifier_key', records.numberKeys(number)] as const)
    return searchAccounts(db, { column, keys, clientId: client ?? null, after, limit: longest + 1 })
  }
  async function present(row: AccountRow) {
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
      history: (await listLinkHistory(db, row.account)).map(presentLink),
    }
  }

  return [
    operation({
      method: 'POST',
      path: '/v1/accounts/search',
      about:
        'Finds accounts by number, or by the portal’s account id, with their links. The search is audited.',
      roles: ['mapping_officer', 'auditor'],
      body: searched,
      readsOnly: true,
      answer: z.strictObject({ accounts: z.array(found), ...pageEnd }),
      async handle({ operator, body, reference }) {
        const page = { limit: body.limit, after: body.after }
        const { rows, end } = pageOf(await find(body), page, ({ account }) => account)
        const by = ways.find((way) => body[way] !== undefined)!
        // The portal's id is recorded only if accounts were found under it: it is unchecked input.
        const about = { ...(rows.length > 0 && body.client !== undefined && { clientId: body.client }) }
        const detail = { by, found: rows.length }
        await record({ db, log }, [
          { event: 'account.searched', ...about, actor: operator.id, reference, detail },
        ])
        return { accounts: await Promise.all(rows.map(present)), ...end }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/accounts/:account/links/:link/end',
      about: 'Ends a link; the account then waits for an operator’s decision.',
      refuses: ['account_unknown', 'case_gone'],
      roles: ['mapping_officer'],
      body: z.strictObject({ reason: words }),
      async handle({ operator, params, body: { reason }, reference }) {
        const account = accountNumber.safeParse(params.account)
        if (!account.success) throw new BrokerError('account_unknown')
        await acts.end(uuidOf(params.link), account.data, { actor: operator.id, reason, reference })
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/citizens/rekey',
      about: 'Asks to replace a person’s number; another officer approves.',
      roles: ['mapping_officer'],
      body: z.strictObject({
        old_number: citizenNumber,
        new_number: citizenNumber,
        evidence: words,
        reason: words,
      }),
      ...alwaysWaits,
      async handle({ operator, body, reference }) {
        const { old_number: old, new_number: number, evidence, reason } = body
        if (old.reveal() === number.reveal())
          throw new BrokerError('input_invalid', 'old_number, new_number: must be different')
        const holder = await findHolder(db, old.type, citizenKeys.keys(old))
        if (holder === undefined)
          throw new BrokerError('input_invalid', 'old_number: no person has signed in with this number')
        if ((await findOperatorByNumber(db, { type: old.type, keys: citizenKeys.keys(old) })) !== undefined)
          throw new BrokerError(
            'state_conflict',
            'the old number belongs to an operator: run `operator number` first',
          )
        if (holder.cancelled) throw new BrokerError('state_conflict', 'the old number is already cancelled')
        if (holder.disabled) throw new BrokerError('state_conflict', 'the person is disabled')
        const asked = { subject: holder.subjectId, number: number.reveal() }
        const by = { actor: operator.id, evidence, reason, reference }
        return presentWaiting(await approvals.ask(kinds.rekey, asked, by))
      },
    }),
  ]
}
