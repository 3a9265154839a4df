import type { Db } from '../db.ts'

/** One import run: progress and result. */
export interface ImportRun {
  readonly id: string
  readonly clientId: string
  readonly dryRun: boolean
  readonly state: 'reading' | 'comparing' | 'applying' | 'done' | 'failed'
  readonly begunBy: string
  readonly begunAt: Date
  readonly touchedAt: Date
  readonly rowsRead: number
  readonly rowsDone: number
  readonly summary: Record<string, unknown>
  readonly fault: string | null
}

export async function insertImport(
  db: Db,
  run: { id: string; clientId: string; dryRun: boolean; begunBy: string },
): Promise<void> {
  await db.query('insert into legacy_import (id, client_id, dry_run, begun_by) values ($1, $2, $3, $4)', [
    run.id,
    run.clientId,
    run.dryRun,
    run.begunBy,
  ])
}

export async function touchImport(
  db: Db,
  id: string,
  change: { state: string; rowsRead: number; rowsDone: number; summary?: object; fault?: string },
): Promise<void> {
  await db.query(
    `update legacy_import set state = $2, rows_read = $3, rows_done = $4, summary = coalesce($5::jsonb, summary),
       fault = $6, touched_at = now() where id = $1 and state not in ('done', 'failed')`,
    [
      id,
      change.state,
      change.rowsRead,
      change.rowsDone,
      change.summary === undefined ? null : JSON.stringify(change.summary),
      change.fault ?? null,
    ],
  )
}

const columns = `id, client_id as "clientId", dry_run as "dryRun", state, begun_by as "begunBy", begun_at as "begunAt",
  touched_at as "touchedAt", rows_read::float8 as "rowsRead", rows_done::float8 as "rowsDone", summary, fault`

export async function findImport(db: Db, id: string): Promise<ImportRun | undefined> {
  const [row] = await db.query<ImportRun>(`select ${columns} from legacy_import where id = $1`, [id])
  return row
}

/** A portal's imports, newest first. @param after start time and id of the last import of the previous page */
export function listImports(
  db: Db,
  {
    clientId,
    after,
    limit,
  }: { clientId: string; after: { at: string; id: string } | undefined; limit: number },
): Promise<(ImportRun & { readonly at: string })[]> {
  return db.query(
    `select ${columns}, to_char(begun_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from legacy_import
     where client_id = $1 and ($2::timestamptz is null or (begun_at, id) < ($2::timestamptz, $3::uuid))
     order by begun_at desc, id desc limit $4`,
    [clientId, after?.at ?? null, after?.id ?? null, limit],
  )
}
