/** Forward-only migrations, all in one transaction, one runner at a time. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { Database, Db } from './db.ts'

const folder = new URL('../../migrations/', import.meta.url)
/** Any constant will do: it names our lock among the advisory locks of the database. */
const lockId = 7_201_924

/** @returns the names of the migrations that were applied */
export async function migrate(db: Database): Promise<string[]> {
  const applied: string[] = []
  await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [lockId])
    await tx.script(
      `create table if not exists migration (
         name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
    )
    const done = new Map(
      (await tx.query<{ name: string; checksum: string }>('select name, checksum from migration')).map(
        (row) => [row.name, row.checksum],
      ),
    )
    for (const name of await migrationNames()) {
      const text = await readFile(new URL(name, folder), 'utf8')
      const checksum = createHash('sha256').update(text).digest('hex')
      const known = done.get(name)
      if (known === checksum) continue
      if (known !== undefined) throw new Error(`migration ${name} was edited after it was applied`)
      await tx.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum])
      await tx.script(text)
      applied.push(name)
    }
  })
  return applied
}

/** @returns the migrations this release needs and the database has not */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const [table] = await db.query<{ found: boolean }>(`select to_regclass('migration') is not null as found`)
  const done = table?.found ? await db.query<{ name: string }>('select name from migration') : []
  const names = new Set(done.map((row) => row.name))
  return (await migrationNames()).filter((name) => !names.has(name))
}

async function migrationNames(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
}
