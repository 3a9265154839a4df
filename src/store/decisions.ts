/** What waits for a second person. */
import type { Db } from './db.ts'
import { makersOf } from './operators.ts'

export interface DecisionRow {
  readonly id: string
  readonly operation: string
  readonly sealed: Buffer | null
  readonly proposedBy: string
  /** Of a machine: who had made it and its key when it asked. */
  readonly barred: string[]
  readonly proposedAt: Date
  readonly expiresAt: Date
  readonly expired: boolean
  readonly outcome: 'approved' | 'declined' | 'withdrawn' | 'expired' | null
}

const columns = `id, operation, sealed, proposed_by as "proposedBy", barred, proposed_at as "proposedAt",
  expires_at as "expiresAt", expires_at <= now() as expired, outcome`

export async function insertDecision(
  tx: Db,
  decision: {
    readonly id: string
    readonly operation: string
    readonly sealed: Buffer
    readonly by: string
    readonly days: number
  },
): Promise<Date> {
  const [row] = await tx.query<{ expiresAt: Date }>(
    `insert into decision (id, operation, sealed, proposed_by, barred, expires_at)
     values ($1, $2, $3, $4, ${makersOf('$4')}, now() + make_interval(days => $5::int))
     returning expires_at as "expiresAt"`,
    [decision.id, decision.operation, decision.sealed, decision.by, decision.days],
  )
  return row!.expiresAt
}

/** Belongs inside a transaction: of two who decide, the second finds it decided. */
export async function lockDecision(tx: Db, id: string): Promise<DecisionRow | undefined> {
  const [row] = await tx.query<DecisionRow>(`select ${columns} from decision where id = $1 for update`, [id])
  return row
}

/** The oldest first. @param after the cursor: `at` and `id` of the last one seen */
export function listOpenDecisions(
  db: Db,
  {
    operations,
    after,
    limit,
  }: {
    operations: readonly string[]
    after: { at: string; id: string } | undefined
    limit: number
  },
): Promise<(DecisionRow & { readonly at: string })[]> {
  return db.query(
    `select ${columns}, to_char(proposed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
     from decision where outcome is null and expires_at > now() and operation = any($1::text[])
       and ($2::timestamptz is null or (proposed_at, id) > ($2::timestamptz, $3::uuid))
     order by proposed_at, id limit $4`,
    [operations, after?.at ?? null, after?.id ?? null, limit],
  )
}

export async function settleDecision(
  tx: Db,
  id: string,
  { outcome, by }: { outcome: 'approved' | 'declined' | 'withdrawn'; by: string },
): Promise<void> {
  await tx.query(
    'update decision set outcome = $2, decided_by = $3, decided_at = now(), sealed = null where id = $1',
    [id, outcome, by],
  )
}

/** @returns those that nobody decided in time */
export function expireDecisions(tx: Db): Promise<{ id: string; operation: string }[]> {
  return tx.query(
    `update decision set outcome = 'expired', decided_by = 'system', decided_at = now(), sealed = null
     where outcome is null and expires_at <= now() returning id, operation`,
  )
}
