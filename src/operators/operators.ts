/** The rules for adding, changing, disabling and enabling operators; no HTTP, no SQL. */
import type { JWK } from 'jose'
import type { AuditEvent } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type By, type Note, askedDetail, audited } from '../recording.ts'
import type { Database, Db } from '../store/db.ts'
import { type OperatorChange, insertOperatorChange } from '../store/operator-changes.ts'
import {
  type CitizenKeysOf,
  changeOperator,
  disableOperator,
  enableOperator,
  findOperator,
  insertOperator,
} from '../store/operators.ts'
import type { Role } from '../vocabulary.ts'

interface Tools {
  readonly db: Database
  readonly log: Log
}

export interface NewOperator {
  readonly id: string
  readonly roles: readonly Role[]
  readonly key?: JWK | undefined
  /** Present for a person, absent for a machine. */
  readonly citizen?: CitizenKeysOf | undefined
}

/** @throws BrokerError `state_conflict` when the id, the key or the person is taken */
export async function addOperator(
  tx: Db,
  note: Note,
  { id, roles: given, key, citizen }: NewOperator,
  by: By,
): Promise<void> {
  if (
    !(await insertOperator(tx, {
      id,
      roles: given,
      public: key ?? null,
      citizen,
      by: by.askedBy ?? by.actor,
    }))
  )
    throw new BrokerError('state_conflict', 'an operator with this id, key or number exists already')
  await keep(tx, { operatorId: id, action: 'created', roles: given }, by)
  const kind = citizen === undefined ? 'machine' : 'person'
  note(about('operator.created', { operator: id, kind, roles: given }, by))
}

/** Like `addOperator`, in a separate transaction. */
export const createOperator = ({ db, log, ...by }: Tools & By, operator: NewOperator): Promise<void> =>
  audited({ db, log }, (tx, note) => addOperator(tx, note, operator, by))

/**
 * The operator who generates a key has had the private half. So only the person may set their own key; a security
 * officer sets a machine's. @throws BrokerError `not_found`, `forbidden`, or `state_conflict` if a machine would lose its key
 */
export async function assertMayMakeKey(
  tx: Db,
  { id, by, isRemoval }: { id: string; by: string; isRemoval: boolean },
): Promise<void> {
  const [operator, asking] = [await findOperator(tx, id), await findOperator(tx, by)]
  if (operator === undefined) throw unknown()
  if (isRemoval && operator.kind === 'machine')
    throw new BrokerError(
      'state_conflict',
      'a machine must have a key: replace the key, or disable the machine',
    )
  const isOfficer = asking?.roles.includes('security_officer') === true
  const may = operator.kind === 'person' && !isRemoval ? id === by : isOfficer || (id === by && isRemoval)
  if (!may)
    throw new BrokerError(
      'forbidden',
      'persons may set only their own key; a security officer sets a machine’s',
    )
}

/** @throws BrokerError `not_found`, or `state_conflict`: key or number is taken, or this is the last security officer */
export async function alterOperator(
  tx: Db,
  note: Note,
  {
    id,
    roles: given,
    key,
    citizen,
  }: Pick<NewOperator, 'id' | 'citizen'> & {
    readonly roles?: readonly Role[] | undefined
    /** Null removes it. */
    readonly key?: JWK | null | undefined
  },
  by: By,
): Promise<void> {
  const outcome = await changeOperator(tx, id, {
    roles: given,
    public: key,
    citizen,
    by: by.askedBy ?? by.actor,
  })
  if (outcome === 'unknown') throw unknown()
  if (outcome === 'taken')
    throw new BrokerError('state_conflict', 'the key or the number belongs to another operator')
  if (outcome === 'machine') throw new BrokerError('state_conflict', 'a machine has no number')
  if (outcome === 'last_officer') throw lastOfficer()
  await keep(tx, { operatorId: id, action: 'changed', roles: given }, by)
  const changed = [
    ...(given ? ['roles'] : []),
    ...(key === undefined ? [] : ['key']),
    ...(citizen ? ['number'] : []),
  ]
  note(about('operator.changed', { operator: id, changed, ...(given && { roles: given }) }, by))
}

/** @throws BrokerError `not_found`, or `state_conflict`: already disabled, or the last security officer */
export const barOperator = (
  { db, log, ...by }: Tools & By,
  { id, reason }: { id: string; reason: string },
): Promise<void> =>
  audited({ db, log }, async (tx, note) => {
    const outcome = await disableOperator(tx, { id, by: by.actor, reason })
    if (outcome === 'unknown') throw unknown()
    if (outcome === 'disabled_before')
      throw new BrokerError('state_conflict', 'the operator is already disabled')
    if (outcome === 'last_officer') throw lastOfficer()
    // The reason is free text, so it stays in the operator's row and history and is not audited.
    await keep(tx, { operatorId: id, action: 'disabled', reason }, by)
    note(about('operator.disabled', { operator: id }, by))
  })

/** @throws BrokerError `not_found`, or `state_conflict`: already enabled */
export async function readmitOperator(
  tx: Db,
  note: Note,
  { id, reason }: { readonly id: string; readonly reason?: string },
  by: By,
): Promise<void> {
  const outcome = await enableOperator(tx, id)
  if (outcome === 'unknown') throw unknown()
  if (outcome === 'enabled_before') throw new BrokerError('state_conflict', 'the operator is already enabled')
  await keep(tx, { operatorId: id, action: 'enabled', reason }, by)
  note(about('operator.enabled', { operator: id }, by))
}

const keep = (tx: Db, change: Omit<OperatorChange, 'actor' | 'askedBy'>, { actor, askedBy }: By) =>
  insertOperatorChange(tx, { ...change, actor, ...(askedBy !== actor && { askedBy }) })

const unknown = () => new BrokerError('not_found', 'there is no operator with this id')
const lastOfficer = () => new BrokerError('state_conflict', 'this is the last enabled security_officer')

const about = (
  event: AuditEvent['event'],
  detail: NonNullable<AuditEvent['detail']>,
  by: By,
): AuditEvent => ({
  event,
  actor: by.actor,
  reference: by.reference,
  detail: { ...detail, ...askedDetail(by) },
})
