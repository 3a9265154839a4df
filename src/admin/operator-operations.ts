/** Operators about operators. What lets somebody in, or lets them do more, takes two persons. */
import { z } from 'zod'
import { type CitizenKeys, Identifier } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database, Db } from '../store/db.ts'
import { listOperatorChanges } from '../store/operator-changes.ts'
import { type CitizenKeysOf, countOfficersEver, findOperator, listOperators } from '../store/operators.ts'
import { masked } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, numberCursor, pageEnd, pageOf } from './paging.ts'
import {
  addOperator,
  assertMayMakeKey,
  askedBy,
  alterOperator,
  barOperator,
  readmitOperator,
} from '../operators/operators.ts'
import { operatorId, roleList } from '../operators/operator.ts'
import { roles, operatorKinds } from '../vocabulary.ts'
import { publicKey } from '../operators/key.ts'
import type { SecondPerson } from './second-person.ts'

/** Text, for it waits sealed as JSON. */
const citizenId = z.string().regex(/^\d{12}$/, 'must be 12 digits')
const reason = z.string().trim().min(1).max(500)
const kind = z.enum(operatorKinds)
const moment = z.iso.datetime()
const told = z.object({
  id: operatorId,
  kind,
  roles: z.array(z.enum(roles)),
  public_key: z.record(z.string(), z.unknown()).nullable(),
  created_at: moment,
  created_by: z.string(),
  disabled_at: moment.nullable(),
  disabled_by: z.string().nullable(),
  disabled_reason: z.string().nullable(),
  last_seen_at: moment.nullable(),
})

const change = z.object({
  at: moment,
  action: z.string(),
  actor: z.string(),
  proposed_by: z.string().nullable(),
  reason: z.string().nullable(),
  roles: z.array(z.string()).nullable(),
})

const created = z
  .strictObject({
    id: operatorId,
    roles: roleList,
    public_key: publicKey.optional(),
    citizen_id: citizenId.optional(),
  })
  .refine(
    ({ public_key: key, citizen_id: number }) => (key === undefined) !== (number === undefined),
    'give citizen_id for a person, public_key for a machine',
  )
const changed = z
  .strictObject({
    roles: roleList.optional(),
    citizen_id: citizenId.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, 'give what shall change')

export function operatorOperations({
  db,
  log,
  citizenKeys,
  second,
}: {
  db: Database
  log: Log
  citizenKeys: CitizenKeys
  second: SecondPerson
}): Operation[] {
  const keysOf = (number: string | undefined): CitizenKeysOf | undefined => {
    if (number === undefined) return undefined
    const identifier = Identifier.parse('citizen_id', number)
    return { type: identifier.type, keys: citizenKeys.keys(identifier) }
  }
  /** As long as there have never been two officers, who could approve? Later nobody gets back to this. */
  const isAlone = async (tx: Db) => (await countOfficersEver(tx)) < 2
  const byOfficers = { roles: ['security_officer'] as const, isAlone }

  return [
    operation({
      method: 'GET',
      path: '/v1/whoami',
      about: 'Who the caller is, and what it may.',
      roles,
      answer: z.object({ id: operatorId, kind, roles: z.array(z.enum(roles)) }),
      handle: ({ operator }) => Promise.resolve(operator),
    }),

    operation({
      method: 'GET',
      path: '/v1/operators',
      about: 'All operators, enabled or not.',
      roles: ['security_officer', 'auditor'],
      query: z.strictObject({ after: z.string().max(64).optional(), limit }),
      answer: z.object({ operators: z.array(told), ...pageEnd }),
      async handle({ query: { after, limit: longest } }) {
        const listed = await listOperators(db, { after, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ id }) => id)
        const operators = rows.map((row) => ({
          id: row.id,
          kind: row.kind,
          roles: row.roles as (typeof roles)[number][],
          public_key: row.public as Record<string, unknown> | null,
          created_at: row.createdAt,
          created_by: row.createdBy,
          disabled_at: row.disabledAt,
          disabled_by: row.disabledBy,
          disabled_reason: row.disabledReason,
          last_seen_at: row.lastSeenAt,
        }))
        return { operators, ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/operators/:id/history',
      about: 'What was done to an operator, by whom and why; the oldest first.',
      roles: ['security_officer', 'auditor'],
      query: z.strictObject({
        after: numberCursor.optional(),
        limit,
      }),
      answer: z.object({ changes: z.array(change), ...pageEnd }),
      async handle({ params, query: { after, limit: longest } }) {
        if ((await findOperator(db, params.id)) === undefined)
          throw new BrokerError('not_found', 'there is no operator of that id')
        const of = { operatorId: params.id, after: after ?? '0', limit: longest + 1 }
        const page = { limit: longest, after }
        const { rows, end } = pageOf(await listOperatorChanges(db, of), page, ({ id }) => id)
        const changes = rows.map(({ at, action, actor, proposedBy, reason: why, roles: given }) => ({
          at,
          action,
          actor,
          proposed_by: proposedBy,
          reason: why,
          roles: given,
        }))
        return { changes, ...end }
      },
    }),

    second.row({
      ...byOfficers,
      method: 'POST',
      path: '/v1/operators',
      about: 'A new operator: a person, known by number, or a machine, known by its key.',
      body: created,
      status: 201,
      answer: z.object({ id: operatorId, kind, roles: z.array(z.enum(roles)) }),
      // Whoever asks for a machine has held its key: a person, whom all that it proposes is barred to.
      isForPersons: ({ body }) => body.public_key !== undefined,
      concerns: ({ body }) => ({ operator: body.id, roles: body.roles }),
      tell: ({ body: { citizen_id: number, ...rest } }) => ({
        ...rest,
        citizen_id: masked(number),
      }),
      async decide(tx, note, { body: { id, roles: given, public_key: key, citizen_id: number } }, by) {
        await addOperator(tx, note, { id, roles: given, key, citizen: keysOf(number) }, by)
        return { id, kind: number === undefined ? 'machine' : 'person', roles: given }
      },
    }),

    second.row({
      ...byOfficers,
      method: 'PATCH',
      path: '/v1/operators/:id',
      about: 'Other roles, or the number that a person has been given instead of the old one.',
      body: changed,
      concerns: ({ params, body }) => ({
        operator: params['id']!,
        ...(body.roles && { roles: body.roles }),
      }),
      present: async (tx, { params, body }) =>
        body.roles === undefined ? {} : { present_roles: (await findOperator(tx, params['id']!))?.roles },
      tell: ({ params, body: { citizen_id: number, ...rest } }) => ({
        id: params['id'],
        ...rest,
        ...(number !== undefined && { citizen_id: masked(number) }),
      }),
      decide: (tx, note, { params, body: { roles: given, citizen_id: number } }, by) =>
        alterOperator(tx, note, { id: params['id']!, roles: given, citizen: keysOf(number) }, by),
    }),

    second.row({
      ...byOfficers,
      method: 'PUT',
      path: '/v1/operators/:id/key',
      about:
        'Another key, which a person asks for himself and a security officer for a machine; or, with null, none.',
      roles,
      approvers: ['security_officer'],
      body: z.strictObject({ public_key: publicKey.nullable() }),
      isForPersons: () => true,
      concerns: ({ params }) => ({ operator: params['id']! }),
      tell: ({ params, body }) => ({ id: params['id'], ...body }),
      async decide(tx, note, { params, body: { public_key: key } }, by) {
        const id = params['id']!
        await assertMayMakeKey(tx, { id, by: askedBy(by), isRemoval: key === null })
        await alterOperator(tx, note, { id, key }, by)
      },
    }),

    second.row({
      ...byOfficers,
      method: 'POST',
      path: '/v1/operators/:id/enable',
      about: 'Lets a disabled operator in again; the idle ones too.',
      body: z.strictObject({ reason }),
      concerns: ({ params }) => ({ operator: params['id']! }),
      tell: ({ params, body }) => ({ id: params['id'], ...body }),
      decide: (tx, note, { params, body }, by) =>
        readmitOperator(tx, note, { id: params['id']!, reason: body.reason }, by),
    }),

    operation({
      method: 'POST',
      path: '/v1/operators/:id/disable',
      about: 'Bars an operator from now on. One person is enough: it must be quick.',
      roles: ['security_officer'],
      body: z.strictObject({ reason }),
      handle: ({ operator, params, body, reference }) =>
        barOperator({ db, log, actor: operator.id, reference }, { id: params.id, reason: body.reason }),
    }),
  ]
}
