/** Checkpoints over audit rows, and the keys that sign them. */
import type { Db } from './db.ts'

export interface StoredCheckpoint {
  readonly number: string
  /** The exact text that is hashed and signed. */
  readonly header: string
  readonly signature: Buffer
}
export interface CheckpointPart {
  readonly class: string
  /** `2026-03` */
  readonly month: string
  /** Null once retention has deleted the rows. */
  readonly ids: Buffer | null
  readonly leaves: Buffer | null
}

/** Lets one checkpointer work at a time. @returns false when another one is working */
export async function tryToCheckpoint(tx: Db): Promise<boolean> {
  const [row] = await tx.query<{ free: boolean }>(
    `select pg_try_advisory_xact_lock(hashtext('audit checkpoint'), 0) as free`,
  )
  return row!.free
}

export interface Fence {
  /** Every row up to this id was inserted by a transaction that has ended, or by one of `open`. */
  readonly position: string
  readonly open: readonly string[]
}

/** Only this database: transactions of others may run for hours. A prepared transaction has no process (null `datid`). */
const running = `select transactionid::text from pg_locks l left join pg_stat_activity a on a.pid = l.pid
  where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted
    and (a.datid is null or a.datid = (select oid from pg_database where datname = current_database()))`

/**
 * The order matters. A transaction takes its id, and a lock on it, before its row takes a number. So we must read the
 * last number first and the running transactions second.
 */
export async function openFence(db: Db): Promise<Fence> {
  const position = await findPosition(db)
  const rows = await db.query<{ transactionid: string }>(running)
  return { position, open: rows.map((row) => row.transactionid) }
}

/** Whether the transactions of the fence have ended, so that their rows are visible. */
export async function isPast(db: Db, { open }: Fence): Promise<boolean> {
  if (open.length === 0) return true
  const [row] = await db.query<{ past: boolean }>(
    `select not exists (select from (${running}) r where transactionid = any($1)) as past`,
    [open],
  )
  return row!.past
}

export async function findLastCheckpoint(db: Db): Promise<StoredCheckpoint | undefined> {
  const [row] = await db.query<StoredCheckpoint>(
    'select number::text, header, signature from audit_checkpoint order by audit_checkpoint.number desc limit 1',
  )
  return row
}

export async function insertCheckpoint(
  tx: Db,
  {
    number,
    header,
    signature,
    to,
    at,
    parts,
  }: Omit<StoredCheckpoint, 'number'> & {
    readonly number: number
    readonly to: string
    readonly at: string
    readonly parts: readonly CheckpointPart[]
  },
): Promise<void> {
  await tx.query(
    'insert into audit_checkpoint (number, header, signature, last_id, at) values ($1, $2, $3, $4, $5)',
    [number, header, signature, to, at],
  )
  for (const { class: of, month, ids, leaves } of parts)
    await tx.query(
      `insert into audit_checkpoint_part (number, class, month, ids, leaves) values ($1, $2, ($3 || '-01')::date, $4, $5)`,
      [number, of, month, ids, leaves],
    )
}

/** Checkpoints in order. @param after the number of the last checkpoint of the previous page */
export function listCheckpoints(
  db: Db,
  {
    after,
    from,
    to,
    limit,
  }: { after: string; from?: Date | undefined; to?: Date | undefined; limit: number },
): Promise<StoredCheckpoint[]> {
  return db.query<StoredCheckpoint>(
    `select number::text, header, signature from audit_checkpoint
     where number > $1::bigint and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
     order by audit_checkpoint.number limit $4`,
    [after, from ?? null, to ?? null, limit],
  )
}

export function listCheckpointParts(db: Db, number: string): Promise<CheckpointPart[]> {
  return db.query<CheckpointPart>(
    `select class, to_char(month, 'YYYY-MM') as month, ids, leaves from audit_checkpoint_part
     where number = $1 order by class, month`,
    [number],
  )
}

/** The last id that was assigned to a row. */
export async function findPosition(db: Db): Promise<string> {
  const [row] = await db.query<{ position: string }>(
    `select case when is_called then last_value else 0 end::text as position from audit_event_number`,
  )
  return row!.position
}

/** Prevents retention from deleting partitions until the transaction ends. The lock is shared. */
export async function holdRetention(tx: Db): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock_shared(hashtext('audit retention'), 0)`)
}

/** Age in seconds of the oldest row without a checkpoint; 0 when there is none. */
export async function readCheckpointLag(db: Db, lastId: string): Promise<number> {
  const [row] = await db.query<{ seconds: number }>(
    `select extract(epoch from now() - at)::float8 as seconds from audit_event where id > $1::bigint order by id limit 1`,
    [lastId],
  )
  return Math.max(0, row?.seconds ?? 0)
}

export interface AuditKeyRow {
  readonly kid: string
  readonly alg: string
  readonly public: Record<string, unknown>
  /** The private JWK, sealed; never leaves the broker. */
  readonly sealed: Buffer
}

/** Newest first; the newest key signs. */
export function listAuditKeys(db: Db): Promise<AuditKeyRow[]> {
  return db.query<AuditKeyRow>('select kid, alg, public, sealed from audit_key order by created_at desc, kid')
}

/** Serialises the creation of keys. */
export async function lockAuditKeys(tx: Db): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('audit key'), 0)`)
}

export async function insertAuditKey(tx: Db, { kid, alg, public: open, sealed }: AuditKeyRow): Promise<void> {
  await tx.query(
    `with used as (
       insert into ring_key_use (purpose, key_id) values ('signing key', substring($4::bytea from 1 for 4))
       on conflict do nothing)
     insert into audit_key (kid, alg, public, sealed) values ($1, $2, $3, $4)`,
    [kid, alg, JSON.stringify(open), sealed],
  )
}
