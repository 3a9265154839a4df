/** The history of operators: changes with actor and reason. */
import type { Db } from './db.ts'

export interface OperatorChange {
  readonly operatorId: string
  readonly action: 'created' | 'changed' | 'disabled' | 'enabled'
  readonly actor: string
  readonly askedBy?: string | undefined
  readonly reason?: string | undefined
  readonly roles?: readonly string[] | undefined
}

/** Must run in the transaction of the change. */
export async function insertOperatorChange(tx: Db, change: OperatorChange): Promise<void> {
  await tx.query(
    `insert into operator_change (operator_id, actor, asked_by, action, reason, roles)
     values ($1, $2, $3, $4, $5, $6::text[])`,
    [
      change.operatorId,
      change.actor,
      change.askedBy ?? null,
      change.action,
      change.reason ?? null,
      change.roles ?? null,
    ],
  )
}

export interface OperatorChangeRow {
  readonly id: string
  readonly at: Date
  readonly action: string
  readonly actor: string
  readonly askedBy: string | null
  readonly reason: string | null
  readonly roles: string[] | null
}

/** Oldest first. @param after the `id` of the last change of the previous page */
export function listOperatorChanges(
  db: Db,
  { operatorId, after, limit }: { operatorId: string; after: string; limit: number },
): Promise<OperatorChangeRow[]> {
  return db.query<OperatorChangeRow>(
    `select id::text as id, at, action, actor, asked_by as "askedBy", reason, roles from operator_change
     where operator_id = $1 and id > $2::bigint order by operator_change.id limit $3`,
    [operatorId, after, limit],
  )
}
