/** The watch's two queries: work that waits for people, and how much of the audit checkpoints cover. */
import { randomUUID } from 'node:crypto'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createWatch } from '../../src/http/watch.ts'
import { registry } from '../../src/telemetry/metrics.ts'
import { readBacklog } from '../../src/store/backlog.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { freshDatabase } from '../support/world.ts'

async function open() {
  const url = inject('databaseUrl') === undefined ? 'embedded:memory' : await freshDatabase()
  const db = await openDatabase({ url })
  onTestFinished(() => db.close())
  await migrate(db)
  return db
}

test('stalled work is distinguished from work in progress, and uncovered audit rows are reported by age', async () => {
  const db = await open()
  const none = { openCases: 0, oldestCase: 0, importsRunning: 0, importsStuck: 0, uncovered: 0 }
  expect(await readBacklog(db)).toMatchObject(none)
  expect(Math.abs((await readBacklog(db)).clock - Date.now() / 1000)).toBeLessThan(60)

  for (const id of ['still', 'moves', 'again', 'over'])
    await db.query(`insert into client (id, state, metadata) values ($1, 'active', '{}')`, [id])
  const run = (client: string, state: string, begun: number, touched: number) =>
    db.query(
      `insert into legacy_import (id, client_id, dry_run, state, begun_by, begun_at, touched_at)
       values ($1, $2, false, $3, 'test', now() - make_interval(mins => $4), now() - make_interval(mins => $5))`,
      [randomUUID(), client, state, begun, touched],
    )
  await run('still', 'reading', 60, 20)
  await run('moves', 'applying', 60, 1)
  await run('again', 'reading', 60, 20)
  await run('again', 'done', 10, 5)
  await run('over', 'failed', 60, 20)
  await db.query(
    `insert into audit_event (class, event, actor, at) values ('login', 'login.completed', 'test', now() - interval '20 minutes')`,
  )
  const { uncovered, ...rest } = await readBacklog(db)
  expect(rest).toMatchObject({ importsRunning: 1, importsStuck: 1 })
  expect(Math.round(uncovered / 60)).toBe(20)
})

test('if one query fails the other still reports, and the age of each answer is visible', async () => {
  const db = await open()
  await db.script('alter table review_case rename to out_of_reach')
  const read = async () => {
    const { values } = (await registry.getSingleMetric('watch_read_timestamp_seconds')!.get()) as {
      values: readonly { labels: { what?: string }; value: number }[]
    }
    return Object.fromEntries(values.map(({ labels, value }) => [labels.what, value]))
  }
  // Other test files of the same process may have read the metrics before.
  const { backlog: before } = await read()
  await createWatch({ db })()
  expect((await read())['backlog']).toBe(before)
  expect(Math.abs((await read())['keys']! - Date.now() / 1000)).toBeLessThan(60)
  await db.script('alter table out_of_reach rename to review_case')
  await createWatch({ db })()
  expect((await read())['backlog']).toBeGreaterThan(before ?? 0)
  expect(Math.abs((await read())['backlog']! - Date.now() / 1000)).toBeLessThan(60)
})
