/** The operations that need two security officers: those that admit an operator or extend their rights. */
import { z } from 'zod'
import { kind } from '../approvals/kind.ts'
import { type CitizenKeys, Identifier, masked } from '../citizen-id.ts'
import { numberOf } from '../http/account-id.ts'
import type { Db } from '../store/db.ts'
import { type CitizenKeysOf, countOfficersEver, findOperator, hasOfficer } from '../store/operators.ts'
import { publicKey } from '../operators/key.ts'
import { operatorId, roleList } from '../operators/operator.ts'
import { addOperator, alterOperator, assertMayMakeKey, readmitOperator } from '../operators/operators.ts'
import { roles } from '../vocabulary.ts'

/** A plain string, because the approval stores it as sealed JSON. */
const citizenId = numberOf(12)
export const reason = z.string().trim().min(1).max(500)

export const created = z
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
  .meta({ oneOf: [{ required: ['citizen_id'] }, { required: ['public_key'] }] })
export const changed = z
  .strictObject({ roles: roleList.optional(), citizen_id: citizenId.optional() })
  .refine((given) => Object.keys(given).length > 0, 'give at least one of roles, citizen_id')
  .meta({ minProperties: 1 })
export const newKey = z.strictObject({ public_key: publicKey.nullable() })
export const readmitted = z.strictObject({ reason })

/** An operator's id and the body of the request. */
const about = <Body extends z.ZodType>(body: Body) => z.strictObject({ id: z.string(), body })

const byOfficers = {
  askers: ['security_officer'] as const,
  approvers: ['security_officer'] as const,
  days: 7,
  /** Until a second officer has existed, one person is enough, because no other could approve. This never returns. */
  isAlone: async (tx: Db) => (await countOfficersEver(tx)) < 2,
}

export function createOperatorKinds({ citizenKeys }: { citizenKeys: CitizenKeys }) {
  const keysOf = (number: string | undefined): CitizenKeysOf | undefined => {
    if (number === undefined) return undefined
    const identifier = Identifier.parse('citizen_id', number)
    return { type: identifier.type, keys: citizenKeys.keys(identifier) }
  }

  return {
    create: kind({
      ...byOfficers,
      name: 'operator.create',
      about: 'Creates an operator: a person, identified by number, or a machine, identified by its key.',
      asked: created,
      // The operator who asks for a machine has had its key, so it must be a person, who may not approve what it asks for.
      isForPersons: ({ public_key: key }) => key !== undefined,
      concern: (_tx, { id, roles: given }) => ({ detail: { operator: id, roles: given } }),
      show: (_db, { citizen_id: number, ...rest }) => ({ ...rest, citizen_id: masked(number) }),
      async carryOut(tx, note, { id, roles: given, public_key: key, citizen_id: number }, by) {
        await addOperator(tx, note, { id, roles: given, key, citizen: keysOf(number) }, by)
        return { id, kind: number === undefined ? 'machine' : 'person', roles: given }
      },
    }),

    change: kind({
      ...byOfficers,
      name: 'operator.change',
      about: 'Changes an operator’s roles, or replaces a person’s number.',
      asked: about(changed),
      concern: (_tx, { id, body }) => ({
        detail: { operator: id, ...(body.roles && { roles: body.roles }) },
      }),
      async present(tx, { id, body }) {
        if (body.roles === undefined) return {}
        // Takes the lock that serialises changes of operators, so that the roles read here cannot change meanwhile.
        await hasOfficer(tx)
        return { present_roles: (await findOperator(tx, id))?.roles }
      },
      show: (_db, { id, body: { citizen_id: number, ...rest } }) => ({
        id,
        ...rest,
        ...(number !== undefined && { citizen_id: masked(number) }),
      }),
      carryOut: (tx, note, { id, body: { roles: given, citizen_id: number } }, by) =>
        alterOperator(tx, note, { id, roles: given, citizen: keysOf(number) }, by),
    }),

    key: kind({
      ...byOfficers,
      name: 'operator.key',
      about:
        'Replaces an operator’s key, or removes it with null. Persons ask for their own key, security officers for a machine’s.',
      askers: roles,
      asked: about(newKey),
      isForPersons: () => true,
      concern: (_tx, { id }) => ({ detail: { operator: id } }),
      show: (_db, { id, body }) => ({ id, ...body }),
      async carryOut(tx, note, { id, body: { public_key: key } }, by) {
        await assertMayMakeKey(tx, { id, by: by.askedBy, isRemoval: key === null })
        await alterOperator(tx, note, { id, key }, by)
      },
    }),

    enable: kind({
      ...byOfficers,
      name: 'operator.enable',
      about: 'Enables an operator who was disabled, also for inactivity.',
      asked: about(readmitted),
      concern: (_tx, { id }) => ({ detail: { operator: id } }),
      show: (_db, { id, body }) => ({ id, ...body }),
      carryOut: (tx, note, { id, body }, by) => readmitOperator(tx, note, { id, reason: body.reason }, by),
    }),
  }
}
export type OperatorKinds = ReturnType<typeof createOperatorKinds>
