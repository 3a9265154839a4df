/** Operators are added, changed, disabled and enabled; no HTTP, no SQL. */
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
  /** Makes it a person. */
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
    throw new BrokerError('state_conflict', 'the id, the key or the person belongs to an operator already')
  await keep(tx, { operatorId: id, action: 'created', roles: given }, by)
  const kind = citizen === undefined ? 'machine' : 'person'
  note(about('operator.created', { operator: id, kind, roles: given }, by))
}

/** The same, by who runs the command. */
export const createOperator = ({ db, log, ...by }: Tools & By, operator: NewOperator): Promise<void> =>
  audited({ db, log }, (tx, note) => addOperator(tx, note, operator, by))

/**
 * Whoever makes a key has held it: so a person makes his own and nobody else does, and a security officer a machine's.
 * @throws BrokerError `not_found`, `forbidden`, or `state_conflict`: a machine is known by nothing else
 */
export async function assertMayMakeKey(
  tx: Db,
  { id, by, isRemoval }: { id: string; by: string; isRemoval: boolean },
): Promise<void> {
  const [operator, asking] = [await findOperator(tx, id), await findOperator(tx, by)]
  if (operator === undefined) throw unknown()
  if (isRemoval && operator.kind === 'machine')
    throw new BrokerError('state_conflict', 'a machine is known by nothing but its key')
  const isOfficer = asking?.roles.includes('security_officer') === true
  const may = operator.kind === 'person' && !isRemoval ? id === by : isOfficer || (id === by && isRemoval)
  if (!may) throw new BrokerError('forbidden', 'a person makes his own key, a security officer a machine’s')
}

/** @throws BrokerError `not_found`, or `state_conflict`: taken by another, or nobody could let anybody in any more */
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
    /** Null takes it away. */
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
    throw new BrokerError('state_conflict', 'the key or the number is another operator’s')
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

/** @throws BrokerError `not_found`, or `state_conflict`: disabled before, or the last who could let anybody in */
export const barOperator = (
  { db, log, ...by }: Tools & By,
  { id, reason }: { id: string; reason: string },
): Promise<void> =>
  audited({ db, log }, async (tx, note) => {
    const outcome = await disableOperator(tx, { id, by: by.actor, reason })
    if (outcome === 'unknown') throw unknown()
    if (outcome === 'disabled_before') throw new BrokerError('state_conflict', 'the operator is disabled')
    if (outcome === 'last_officer') throw lastOfficer()
    // The reason is a person's own words, so it stays in the operator's row and history.
    await keep(tx, { operatorId: id, action: 'disabled', reason }, by)
    note(about('operator.disabled', { operator: id }, by))
  })

/** @throws BrokerError `not_found`, or `state_conflict`: it is enabled */
export async function readmitOperator(
  tx: Db,
  note: Note,
  { id, reason }: { readonly id: string; readonly reason?: string },
  by: By,
): Promise<void> {
  const outcome = await enableOperator(tx, id)
  if (outcome === 'unknown') throw unknown()
  if (outcome === 'enabled_before') throw new BrokerError('state_conflict', 'the operator is enabled')
  await keep(tx, { operatorId: id, action: 'enabled', reason }, by)
  note(about('operator.enabled', { operator: id }, by))
}

const keep = (tx: Db, change: Omit<OperatorChange, 'actor' | 'askedBy'>, { actor, askedBy }: By) =>
  insertOperatorChange(tx, { ...change, actor, ...(askedBy !== actor && { askedBy }) })

const unknown = () => new BrokerError('not_found', 'there is no operator of that id')
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
