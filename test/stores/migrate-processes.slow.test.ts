/** Several processes migrate one database at the same time. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { migrationNames } from '../../src/store/migrate.ts'
import { freshDatabase, openWorld } from '../support/world.ts'

const run = promisify(execFile)
const postgres = inject('databaseUrl') !== undefined
const names = await migrationNames()

test.skipIf(!postgres)(
  'three processes that migrate at once apply each migration once, and all succeed (needs PostgreSQL)',
  { timeout: 120_000 },
  async () => {
    const { settings } = await openWorld({ state: 'embedded' })
    const env = { PATH: process.env.PATH, ...settings, DATABASE_URL: await freshDatabase() }
    const cwd = new URL('../..', import.meta.url)
    const outputs = await Promise.all(
      [1, 2, 3].map(() => run(process.execPath, ['src/cli/main.ts', 'migrate'], { cwd, env })),
    )
    const told = outputs.map(({ stdout }) => stdout.trim())
    expect(told.toSorted()).toEqual([
      names.map((name) => `applied ${name}`).join('\n'),
      'nothing to do',
      'nothing to do',
    ])
  },
)
