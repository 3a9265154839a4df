import type { JWK } from 'jose'
import type { IdentifierType } from '../citizen-id.ts'
import { type Db, isUniqueViolation } from './db.ts'
import type { OperatorKind } from '../vocabulary.ts'

/** Days of inactivity after which an operator loses access (TCVN 14423). */
const idleDays = 45

export interface OperatorRow {
  readonly id: string
  readonly kind: OperatorKind
  /** Values of `roles` in `vocabulary.ts`. */
  readonly roles: string[]
  /** Public key; null for a person without a key. */
  readonly public: JWK | null
  readonly createdAt: Date
  readonly createdBy: string
  readonly keyChangedAt: Date | null
  readonly disabledAt: Date | null
  readonly disabledBy: string | null
  readonly disabledReason: string | null
  /** Updated every five minutes at most. */
  readonly lastSeenAt: Date | null
  /** Inactive for `idleDays`, even if the row is not marked as disabled yet. */
  readonly idle: boolean
}

/** The keyed hashes of one number, under every index key. */
export interface CitizenKeysOf {
  readonly type: IdentifierType
  readonly keys: readonly Buffer[]
}

const isIdle = `greatest(created_at, enabled_at, last_seen_at) < now() - make_interval(days => ${idleDays})`
const columns = `id, kind, roles, public, created_at as "createdAt", created_by as "createdBy",
  key_changed_at as "keyChangedAt", disabled_at as "disabledAt", disabled_by as "disabledBy",
  disabled_reason as "disabledReason", last_seen_at as "lastSeenAt", ${isIdle} as idle`

export async function findOperator(db: Db, id: string): Promise<OperatorRow | undefined> {
  const [row] = await db.query<OperatorRow>(`select ${columns} from operator where id = $1`, [id])
  return row
}

export async function findOperatorByNumber(
  db: Db,
  { type, keys }: CitizenKeysOf,
): Promise<OperatorRow | undefined> {
  const [row] = await db.query<OperatorRow>(
    `select ${columns} from operator
     where id in (select operator_id from operator_citizen_key where type = $1 and key = any($2::bytea[]))`,
    [type, keys],
  )
  return row
}

/**
 * Finds the operator by the subject's active number; undefined for a disabled subject.
 * @param signedIn the number of the sign-in; it must still be the active one
 */
export async function findOperatorOfSubject(
  db: Db,
  subjectId: string,
  signedIn: CitizenKeysOf,
): Promise<OperatorRow | undefined> {
  const [row] = await db.query<OperatorRow>(
    `select ${columns} from operator where id in (
       select c.operator_id from subject s
         join identifier i on i.subject_id = s.id and i.valid_to is null
         join identifier_key k on k.identifier_id = i.id
         join operator_citizen_key c on c.type = k.type and c.key = k.key
       where s.id = $1 and s.disabled_at is null and k.type = $2 and k.key = any($3::bytea[]))`,
    [subjectId, signedIn.type, signedIn.keys],
  )
  return row
}

/** @param after the id of the last operator of the previous page @param limit default: all */
export function listOperators(
  db: Db,
  { after = '', limit = null }: { after?: string | undefined; limit?: number | null } = {},
): Promise<OperatorRow[]> {
  return db.query<OperatorRow>(`select ${columns} from operator where id > $1 order by id limit $2`, [
    after,
    limit,
  ])
}

/** @returns false if an operator, enabled or disabled, already has the id, the key or the number */
export async function insertOperator(
  tx: Db,
  operator: {
    readonly id: string
    readonly roles: readonly string[]
    readonly public: JWK | null
    /** Present for a person, absent for a machine. */
    readonly citizen?: CitizenKeysOf | undefined
    readonly by: string
  },
): Promise<boolean> {
  const rows = await tx.query(
    `insert into operator (id, kind, roles, public, created_by, was_officer)
     values ($1, $2, $3::text[], $4, $5, 'security_officer' = any($3::text[]))
     on conflict do nothing returning 1`,
    [
      operator.id,
      operator.citizen === undefined ? 'machine' : 'person',
      operator.roles,
      operator.public && JSON.stringify(operator.public),
      operator.by,
    ],
  )
  if (rows.length === 0) return false
  return operator.citizen === undefined || bindCitizen(tx, operator.id, operator.citizen)
}

/** Must run in a transaction, which the caller rolls back on false. @returns false if another operator has the number */
async function bindCitizen(tx: Db, id: string, { type, keys }: CitizenKeysOf): Promise<boolean> {
  try {
    await tx.query(
      'insert into operator_citizen_key (type, key, operator_id) select $1, key, $3 from unnest($2::bytea[]) key',
      [type, keys, id],
    )
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

/** Adds the missing hashes of the number, one per current index key. */
export async function renewCitizenKeys(db: Db, id: string, { type, keys }: CitizenKeysOf): Promise<void> {
  await db.query(
    `insert into operator_citizen_key (type, key, operator_id) select $1, key, $3 from unnest($2::bytea[]) key
     on conflict do nothing`,
    [type, keys, id],
  )
}

/**
 * Must run in a transaction, which the caller rolls back unless the result is `changed`.
 * @returns `taken`: the key or the number belongs to another operator; `machine`: a machine has no number
 */
export async function changeOperator(
  tx: Db,
  id: string,
  change: {
    readonly roles?: readonly string[] | undefined
    /** Null removes a person's key. */
    readonly public?: JWK | null | undefined
    readonly citizen?: CitizenKeysOf | undefined
    /** Who asked for it. */
    readonly by: string
  },
): Promise<'changed' | 'unknown' | 'taken' | 'machine' | 'last_officer'> {
  const officers = await lockOfficers(tx)
  const isLast = officers.length === 1 && officers[0] === id
  if (isLast && change.roles?.includes('security_officer') === false) return 'last_officer'
  try {
    const [row] = await tx.query<{ kind: string }>(
      `update operator set roles = coalesce($2::text[], roles),
         was_officer = was_officer or 'security_officer' = any(coalesce($2::text[], roles)),
         public = case when $3 then $4::jsonb else public end,
         key_changed_at = case when $3 then now() else key_changed_at end,
         key_changed_by = case when $3 then $5 else key_changed_by end
       where id = $1 returning kind`,
      [
        id,
        change.roles ?? null,
        change.public !== undefined,
        change.public ? JSON.stringify(change.public) : null,
        change.by,
      ],
    )
    if (row === undefined) return 'unknown'
    if (change.citizen === undefined) return 'changed'
    if (row.kind === 'machine') return 'machine'
  } catch (error) {
    if (isUniqueViolation(error)) return 'taken'
    throw error
  }
  await tx.query('delete from operator_citizen_key where operator_id = $1', [id])
  return (await bindCitizen(tx, id, change.citizen)) ? 'changed' : 'taken'
}

/**
 * Locks the officers' rows: of two officers who disable each other, the second sees the first change.
 * @returns ids of the enabled security officers who are persons, because machines cannot approve
 */
async function lockOfficers(tx: Db): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select id from operator where 'security_officer' = any(roles) and kind = 'person'
       and disabled_at is null and not ${isIdle}
     order by id for update`,
  )
  return rows.map(({ id }) => id)
}

export const hasOfficer = async (tx: Db): Promise<boolean> => (await lockOfficers(tx)).length > 0

/** Number of persons who are or were security officers, at most 2. Locks the table while there are fewer than two. */
export async function countOfficersEver(tx: Db): Promise<number> {
  const count = async () =>
    (await tx.query(`select 1 from operator where kind = 'person' and was_officer limit 2`)).length
  // The number never decreases, so no lock is needed once it is 2.
  if ((await count()) === 2) return 2
  await tx.query('lock table operator in share row exclusive mode')
  return count()
}

/** Must run in a transaction. */
export async function disableOperator(
  tx: Db,
  { id, by, reason }: { id: string; by: string; reason: string },
): Promise<'disabled' | 'disabled_before' | 'unknown' | 'last_officer'> {
  const officers = await lockOfficers(tx)
  if (officers.length === 1 && officers[0] === id) return 'last_officer'
  const changed = await tx.query(
    `update operator set disabled_at = now(), disabled_by = $2, disabled_reason = $3
     where id = $1 and disabled_at is null returning 1`,
    [id, by, reason],
  )
  if (changed.length === 1) return 'disabled'
  return (await findOperator(tx, id)) === undefined ? 'unknown' : 'disabled_before'
}

/** Also enables an idle operator whose row is not marked as disabled yet. */
export async function enableOperator(tx: Db, id: string): Promise<'enabled' | 'enabled_before' | 'unknown'> {
  const changed = await tx.query(
    `update operator set enabled_at = now(), disabled_at = null, disabled_by = null, disabled_reason = null
     where id = $1 and (disabled_at is not null or ${isIdle}) returning 1`,
    [id],
  )
  if (changed.length === 1) return 'enabled'
  return (await findOperator(tx, id)) === undefined ? 'unknown' : 'enabled_before'
}

/** Disables idle operators, even the last security officer. @returns their ids */
export async function disableIdleOperators(tx: Db): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update operator set disabled_at = now(), disabled_by = 'system', disabled_reason = 'idle'
     where disabled_at is null and ${isIdle} returning id`,
  )
  return rows.map(({ id }) => id)
}

export async function noteOperatorSeen(db: Db, id: string): Promise<void> {
  await db.query('update operator set last_seen_at = now() where id = $1', [id])
}

/** SQL expression: the operators who created a machine and set its current key. @param id SQL of the machine's id */
export const makersOf = (id: string): string =>
  `array(select m from operator p, unnest(array[p.created_by, p.key_changed_by]) m
     where p.id = ${id} and p.kind = 'machine' and m is not null)`

/**
 * Judges an approval by the current operators. `areTwo`: the approver is a person, is not the asker, and did not create
 * the machine that asked or set its key, then or since. `isApprover`: the approver has a role for it. `mayStillAsk`: the
 * asker is still enabled and has a role to ask.
 */
export async function judgeApproval(
  db: Db,
  {
    askedBy,
    barred,
    askers,
    approvedBy,
    approvers,
  }: {
    askedBy: string
    /** Operators who had created the machine and set its key when it asked. */
    barred: readonly string[]
    /** Roles that may ask. */
    askers: readonly string[]
    approvedBy: string
    /** Roles that may approve. */
    approvers: readonly string[]
  },
): Promise<{ areTwo: boolean; isApprover: boolean; mayStillAsk: boolean }> {
  const [row] = await db.query<{ areTwo: boolean; isApprover: boolean; mayStillAsk: boolean }>(
    `select exists (select from operator a where a.id = $2 and a.kind = 'person' and a.disabled_at is null
         and a.id <> $1 and a.id <> all($3::text[]) and a.id <> all(${makersOf('$1')})) as "areTwo",
       exists (select from operator where id = $2 and disabled_at is null and roles && $5::text[]) as "isApprover",
       exists (select from operator where id = $1 and disabled_at is null and not ${isIdle}
         and roles && $4::text[]) as "mayStillAsk"`,
    [askedBy, approvedBy, barred, askers, approvers],
  )
  return row!
}
