/** Partitions of the audit, one per class and month. */
import type { Database, Db } from './db.ts'

/** Class and month, `2026-03`. */
export interface Partition {
  readonly class: string
  readonly month: string
}

/**
 * Creates the missing partitions of this and the next `ahead` months, and of rows in the default partition.
 * @returns the new partitions
 */
export function makeAuditPartitions(
  db: Database,
  classes: readonly string[],
  ahead: number,
): Promise<Partition[]> {
  const work = async (tx: Db) => {
    // Limits how long inserts can wait behind this lock request; the chore is tried again within the hour.
    await tx.query(`set local lock_timeout = '1s'`)
    return tx.query<Partition>(
      `with wanted as (
         select class, (date_trunc('month', now() at time zone 'UTC') + make_interval(months => n))::date as month
         from unnest($1::text[]) class, generate_series(0, $2::int) n
         union
         select class, date_trunc('month', at at time zone 'UTC')::date from audit_partition.other_months
         where class = any($1) and isfinite(at))
       select class, to_char(month, 'YYYY-MM') as month from wanted
       where make_audit_partition(class, month) order by class, month`,
      [classes, ahead],
    )
  }
  // A session, because moving rows out of the default partition may exceed the statement timeout.
  return db.session((session) => session.transaction(work))
}

const nameOf = ({ class: of, month }: Partition) => `audit_partition.${of}_${month.replace('-', '_')}`

/** Partitions of the class whose month ended at least `days` ago, oldest first. */
export async function listDuePartitions(db: Db, of: string, days: number): Promise<Partition[]> {
  const rows = await db.query<{ month: string }>(
    `select replace(right(relname, 7), '_', '-') as month
     from pg_inherits join pg_class on oid = inhrelid
     where inhparent = 'audit_event'::regclass and relname ~ ('^' || $1 || '_\\d{4}_\\d\\d$')
       and (to_date(right(relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC'
         <= now() - make_interval(days => $2::int)
     order by 1`,
    [of, days],
  )
  return rows.map(({ month }) => ({ class: of, month }))
}

export interface Emptied {
  readonly rows: number
  readonly firstCheckpoint: string
  readonly lastCheckpoint: string
}

/**
 * Deletes the rows of a partition and their hashes; the Merkle roots stay in the checkpoints. Only readers of that month
 * wait for it. @returns undefined when the partition is empty, or has rows without a checkpoint
 */
export async function emptyPartition(tx: Db, partition: Partition): Promise<Emptied | undefined> {
  await tx.query(`set local lock_timeout = '2s'`)
  await tx.query(`select pg_advisory_xact_lock(hashtext('audit retention'), 0)`)
  const name = nameOf(partition)
  const [held] = await tx.query<{ rows: number; covered: boolean }>(
    `select count(*)::int as rows, coalesce(max(id) <= (select max(last_id) from audit_checkpoint), true) as covered from ${name}`,
  )
  if (held!.rows === 0 || !held!.covered) return undefined
  const [checkpoints] = await tx.query<Omit<Emptied, 'rows'>>(
    `with cleared as (
       update audit_checkpoint_part set ids = null, leaves = null where class = $1 and month = ($2 || '-01')::date
       returning number)
     select min(number)::text as "firstCheckpoint", max(number)::text as "lastCheckpoint" from cleared`,
    [partition.class, partition.month],
  )
  await tx.script(`truncate table ${name}`)
  return { rows: held!.rows, ...checkpoints! }
}

/** Drops an empty partition. Inserts queue behind its lock request, so the lock timeout is very short. */
export async function dropPartition(db: Db, partition: Partition): Promise<void> {
  const name = nameOf(partition)
  await db.transaction(async (tx) => {
    await tx.query(`set local lock_timeout = '50ms'`)
    const [held] = await tx.query<{ empty: boolean }>(`select not exists (select from ${name}) as empty`)
    if (held!.empty) await tx.script(`drop table ${name}`)
  })
}
