import type { JWK } from 'jose'
import type { Db } from './db.ts'

export interface OperatorRow {
  readonly id: string
  /** As `admin/operators.ts` names them. */
  readonly roles: string[]
  readonly public: JWK
  readonly createdAt: Date
  readonly createdBy: string
  readonly disabledAt: Date | null
  readonly disabledBy: string | null
  readonly disabledReason: string | null
  /** Up to some minutes old. */
  readonly lastSeenAt: Date | null
}

const columns = `id, roles, public, created_at as "createdAt", created_by as "createdBy", disabled_at as "disabledAt",
  disabled_by as "disabledBy", disabled_reason as "disabledReason", last_seen_at as "lastSeenAt"`

export async function findOperator(db: Db, id: string): Promise<OperatorRow | undefined> {
  const [row] = await db.query<OperatorRow>(`select ${columns} from operator where id = $1`, [id])
  return row
}

export function listOperators(db: Db): Promise<OperatorRow[]> {
  return db.query<OperatorRow>(`select ${columns} from operator order by id`)
}

/** @returns false if the id or the key is taken, by an enabled operator or not */
export async function insertOperator(
  db: Db,
  operator: { id: string; roles: readonly string[]; public: JWK; by: string },
): Promise<boolean> {
  const rows = await db.query(
    `insert into operator (id, roles, public, created_by) values ($1, $2::text[], $3, $4)
     on conflict do nothing returning 1`,
    [operator.id, operator.roles, JSON.stringify(operator.public), operator.by],
  )
  return rows.length === 1
}

/** Belongs inside a transaction. */
export async function disableOperator(
  tx: Db,
  { id, by, reason }: { id: string; by: string; reason: string },
): Promise<'disabled' | 'disabled_before' | 'unknown' | 'last_officer'> {
  // Locked: of two officers who disable each other, the second sees the first one's decision.
  const officers = await tx.query<{ id: string }>(
    `select id from operator where 'security_officer' = any(roles) and disabled_at is null
     order by id for update`,
  )
  if (officers.length === 1 && officers[0]?.id === id) return 'last_officer'
  const changed = await tx.query(
    `update operator set disabled_at = now(), disabled_by = $2, disabled_reason = $3
     where id = $1 and disabled_at is null returning 1`,
    [id, by, reason],
  )
  if (changed.length === 1) return 'disabled'
  return (await findOperator(tx, id)) === undefined ? 'unknown' : 'disabled_before'
}

export async function noteOperatorSeen(db: Db, id: string): Promise<void> {
  await db.query('update operator set last_seen_at = now() where id = $1', [id])
}
