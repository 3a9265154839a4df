/** Forward-only migrations, all in one transaction, one runner at a time. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Db } from './db.ts'

const folder = new URL('../../migrations/', import.meta.url)
/** An arbitrary constant: the key of our advisory lock. */
const lockId = 7_201_924
/** Attempts to lock all tables. */
const attempts = 20

/**
 * Applies all pending migrations in one transaction, without a statement timeout. Other statements queue behind our
 * lock requests, so each request gives up after `patience`, and the whole transaction is tried again.
 * @param from folder of the migrations
 * @param patience lock timeout in milliseconds
 * @returns the names of the migrations that were applied
 */
export async function migrate(db: Database, from: URL = folder, patience = 3_000): Promise<string[]> {
  return db.session(async (session) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await session.transaction((tx) => applyAll(tx, from, patience))
      } catch (error) {
        // PostgreSQL: lock_not_available.
        if (attempt === attempts || (error as { code?: string }).code !== '55P03') throw error
      }
      await sleep(patience * (1 + Math.random()))
    }
  })
}

async function applyAll(tx: Db, from: URL, patience: number): Promise<string[]> {
  const applied: string[] = []
  // No timeout for this lock: another runner may take as long as it needs.
  await tx.query('select pg_advisory_xact_lock($1)', [lockId])
  await tx.query(`select set_config('lock_timeout', $1, true)`, [`${patience}ms`])
  await tx.script(
    `create table if not exists migration (
       name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  )
  const done = new Map(
    (await tx.query<{ name: string; checksum: string }>('select name, checksum from migration')).map(
      (row) => [row.name, row.checksum],
    ),
  )
  for (const name of await migrationNames(from)) {
    const text = await readFile(new URL(name, from), 'utf8')
    const checksum = createHash('sha256').update(text).digest('hex')
    const known = done.get(name)
    if (known === checksum) continue
    if (known !== undefined)
      throw new Error(
        `migration ${name} was edited after it was applied: restore its text, and add a new migration instead`,
      )
    await tx.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum])
    await tx.script(text)
    applied.push(name)
  }
  return applied
}

/**
 * The database may be newer than the code, because migrations only add, so that the previous release keeps running.
 * @returns the migrations that this release needs and the database lacks
 */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const [table] = await db.query<{ found: boolean }>(`select to_regclass('migration') is not null as found`)
  const done = table?.found ? await db.query<{ name: string }>('select name from migration') : []
  const names = new Set(done.map((row) => row.name))
  return (await migrationNames()).filter((name) => !names.has(name))
}

/** @throws when the database lacks migrations of this release */
export async function requireMigrations(db: Db): Promise<void> {
  const pending = await pendingMigrations(db)
  if (pending.length > 0)
    throw new Error(`the database lacks ${pending.join(', ')}: run "npm run cli -- migrate"`)
}

/** Names in the order of their numbers; `schema.sql` in the same folder is not a migration. */
export async function migrationNames(from: URL = folder): Promise<string[]> {
  return (await readdir(from)).filter((name) => /^\d{3}-.*\.sql$/.test(name)).toSorted()
}
