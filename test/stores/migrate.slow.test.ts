/** Migrations are all or nothing, do not block other work for long, and old code works on a newer schema. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { openDatabase } from '../../src/store/db.ts'
import { migrate, migrationNames } from '../../src/store/migrate.ts'
import { schemaSnapshot, snapshotAddress } from '../../src/store/schema-snapshot.ts'
import { freshDatabase, openWorld, portalDefinition } from '../support/world.ts'

const postgres = inject('databaseUrl') !== undefined
const ours = new URL('../../migrations/', import.meta.url)
const names = await migrationNames()

test.each(postgres ? ['server', 'embedded'] : ['embedded'])(
  'a failed migration rolls back itself and those before it in the same run, on the %s database',
  { timeout: 120_000 },
  async (engine) => {
    const db = await openDatabase({ url: engine === 'server' ? await freshDatabase() : 'embedded:memory' })
    const folder = mkdtempSync(join(tmpdir(), 'broker-migrations-'))
    onTestFinished(async () => {
      rmSync(folder, { recursive: true })
      await db.close()
    })
    const from = pathToFileURL(`${folder}/`)
    const [first, ...rest] = names
    copyFileSync(new URL(first!, ours), join(folder, first!))
    expect(await migrate(db, from)).toEqual([first])
    const schema = () =>
      db.query(
        `select table_name, column_name from information_schema.columns where table_schema = 'public' order by 1, 2`,
      )
    const before = [await schema(), await db.query('select name, checksum, applied_at from migration')]
    for (const name of rest) copyFileSync(new URL(name, ours), join(folder, name))
    writeFileSync(join(folder, '900-broken.sql'), 'create table left_over (id int);\nselect 1 / 0;\n')
    await expect(migrate(db, from)).rejects.toThrow('division by zero')
    expect([await schema(), await db.query('select name, checksum, applied_at from migration')]).toEqual(
      before,
    )
    rmSync(join(folder, '900-broken.sql'))
    expect(await migrate(db, from)).toEqual(rest)
  },
)

test.skipIf(!postgres)(
  'a migration has no time limit, waits seconds at most for a table, and does not block other work (needs PostgreSQL)',
  { timeout: 60_000 },
  async () => {
    const url = await freshDatabase()
    const [db, other] = [await openDatabase({ url }), await openDatabase({ url })]
    const folder = mkdtempSync(join(tmpdir(), 'broker-migrations-'))
    onTestFinished(async () => {
      rmSync(folder, { recursive: true })
      await Promise.all([db.close(), other.close()])
    })
    await other.script('create table held (id int)')
    writeFileSync(
      join(folder, '001-long.sql'),
      `create table seen as select current_setting('statement_timeout') as longest;
       alter table held add column more int;`,
    )
    const from = pathToFileURL(`${folder}/`)
    let running: Promise<string[]> | undefined
    await other.transaction(async (tx) => {
      await tx.query('select id from held')
      running = migrate(db, from, 200)
      // The migration waits for the table, leaves the lock queue, and tries again.
      const waits = async () =>
        (await other.query('select from pg_locks where not granted and relation = $1::regclass', ['held']))
          .length
      await vi.waitFor(async () => expect(await waits()).toBe(1), { timeout: 20_000, interval: 10 })
      await vi.waitFor(async () => expect(await waits()).toBe(0), { timeout: 20_000, interval: 10 })
      expect(await other.query('select id from held')).toEqual([])
    })
    expect(await running).toEqual(['001-long.sql'])
    expect(await db.query('select longest from seen')).toEqual([{ longest: '0' }])
    // The pool's own timeout is unchanged.
    const [pool] = await db.query<{ longest: string }>(
      `select current_setting('statement_timeout') as longest`,
    )
    expect(pool).toEqual({ longest: '30s' })
  },
)

test(
  'a broker starts and serves on a database that a later release has migrated already',
  { timeout: 60_000 },
  async () => {
    const world = await openWorld()
    await world.register(portalDefinition('portal-a'))
    await world.db.query(`insert into migration (name, checksum) values ('999-of-the-next-release.sql', 'x')`)
    await world.db.query(`alter table subject add column of_the_next_release text not null default ''`)
    await world.restart()
    const { claims } = await (await world.portal({ clientId: 'portal-a' })).signIn()
    expect(claims.sub).toBeTruthy()
  },
)

test('migrations/schema.sql is the schema after all migrations, and is not a migration itself', async () => {
  expect(
    readFileSync(snapshotAddress, 'utf8'),
    'migrations/schema.sql is not the schema of the migrations: run "npm run schema" and commit the file',
  ).toBe(await schemaSnapshot())
  expect(names).not.toContain('schema.sql')
})
