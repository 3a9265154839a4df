import type { Db, Session } from './db.ts'

export interface ResealRun {
  readonly id: string
  readonly begunBy: string
  readonly begunAt: Date
  readonly touchedAt: Date
  readonly endedAt: Date | null
  /** The current table. */
  readonly step: string
  readonly lastRow: string | null
  readonly rowsTotal: number
  readonly rowsDone: number
  readonly rowsChanged: number
  /** Rows that were skipped because they cannot be decrypted. */
  readonly rowsUnreadable: number
  readonly fault: string | null
}

const columns = `id, begun_by as "begunBy", begun_at as "begunAt", touched_at as "touchedAt", ended_at as "endedAt",
  step, last_row as "lastRow", rows_total::float8 as "rowsTotal", rows_done::float8 as "rowsDone",
  rows_changed::float8 as "rowsChanged", rows_unreadable::float8 as "rowsUnreadable", fault`

/** Allows one run at a time on all nodes; the lock is released when its connection closes. */
export async function takeResealLock(session: Session): Promise<boolean> {
  const [row] = await session.query<{ taken: boolean }>(
    `select pg_try_advisory_lock(hashtext('reseal'), 0) as taken`,
  )
  return row!.taken
}

export async function dropResealLock(session: Session): Promise<void> {
  await session.query(`select pg_advisory_unlock(hashtext('reseal'), 0)`)
}

/** Resumes the latest run if it is unfinished and the ring is the same. */
export async function resumeReseal(db: Db, ring: Buffer): Promise<ResealRun | undefined> {
  const [row] = await db.query<ResealRun>(
    `update reseal set fault = null, touched_at = now()
     where id = (select id from reseal order by begun_at desc limit 1) and ended_at is null and ring = $1
     returning ${columns}`,
    [ring],
  )
  return row
}

export async function insertReseal(
  db: Db,
  run: { ring: Buffer; begunBy: string; rowsTotal: number },
): Promise<ResealRun> {
  const [row] = await db.query<ResealRun>(
    `insert into reseal (ring, begun_by, rows_total) values ($1, $2, $3) returning ${columns}`,
    [run.ring, run.begunBy, run.rowsTotal],
  )
  return row!
}

export async function stepReseal(
  db: Db,
  id: string,
  at: { step: string; lastRow: string | null; done: number; changed: number; unreadable: number },
): Promise<void> {
  await db.query(
    `update reseal set step = $2, last_row = $3, rows_done = rows_done + $4, rows_changed = rows_changed + $5,
       rows_unreadable = rows_unreadable + $6, touched_at = now() where id = $1`,
    [id, at.step, at.lastRow, at.done, at.changed, at.unreadable],
  )
}

export async function endReseal(db: Db, id: string): Promise<void> {
  await db.query(
    'update reseal set ended_at = now(), touched_at = now(), rows_done = rows_total where id = $1',
    [id],
  )
}

export async function failReseal(db: Db, id: string, fault: string): Promise<void> {
  await db.query('update reseal set fault = $2, touched_at = now() where id = $1', [id, fault])
}

/** Newest first. */
export function listReseals(db: Db, limit: number): Promise<ResealRun[]> {
  return db.query<ResealRun>(`select ${columns} from reseal order by begun_at desc limit $1`, [limit])
}

export async function findReseal(db: Db, id: string): Promise<ResealRun | undefined> {
  const [row] = await db.query<ResealRun>(`select ${columns} from reseal where id = $1`, [id])
  return row
}

/** Number of rows that a run has to process. @param small the small tables, with the id of the newest key of each */
export async function countToReseal(
  db: Db,
  small: readonly { name: string; keyId: Buffer }[],
): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    'select (select count(*) from identifier)::float8 + (select count(*) from legacy_account)::float8 as rows',
  )
  let rows = row!.rows
  for (const { name, keyId } of small) {
    const [more] = await db.query<{ rows: number }>(
      `select count(*)::float8 as rows from ${name} where sealed is not null and substring(sealed from 1 for 4) <> $1`,
      [keyId],
    )
    rows += more!.rows
  }
  return rows
}
