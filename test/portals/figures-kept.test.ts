import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { createFigures } from '../../src/portals/figures.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { tallyLogin } from '../../src/telemetry/tally.ts'
import { freshDatabase } from '../support/world.ts'

test('counts that could not be written to the database are written later, and none twice', async () => {
  const url = inject('databaseUrl') === undefined ? 'embedded:memory' : await freshDatabase()
  const [db, away] = [
    await openDatabase({ url }),
    await openDatabase({ url: 'postgres://127.0.0.1:9/nobody' }),
  ]
  onTestFinished(async () => void (await Promise.all([db.close(), away.close()])))
  await migrate(db)
  const log = createLog({ level: 'silent' })
  const [first, second] = [away, db].map((to) => createFigures({ db: to, log, period: 1_000_000 }))

  tallyLogin('portal-x')
  tallyLogin('portal-x', 'level_unmet')
  await first!.flush()
  tallyLogin('portal-x')
  await second!.flush()
  await second!.flush()
  tallyLogin('portal-x')
  await second!.close()
  expect(await second!.read({ clientId: 'portal-x' })).toMatchObject([
    { logins: { completed: 3, refused: 1, refused_by_code: { level_unmet: 1 } } },
  ])
  await first!.close()
})

test('an event before midnight counts for that day, even if it is written later', async () => {
  const url = inject('databaseUrl') === undefined ? 'embedded:memory' : await freshDatabase()
  const [db, away] = [
    await openDatabase({ url }),
    await openDatabase({ url: 'postgres://127.0.0.1:9/nobody' }),
  ]
  onTestFinished(async () => {
    vi.useRealTimers()
    await Promise.all([db.close(), away.close()])
  })
  await migrate(db)
  const log = createLog({ level: 'silent' })
  const [first, second] = [away, db].map((to) => createFigures({ db: to, log, period: 1_000_000 }))
  vi.useFakeTimers({ toFake: ['Date'] })
  for (const moment of ['2026-03-31T23:59:59.900+07:00', '2026-04-01T00:00:00.100+07:00']) {
    vi.setSystemTime(new Date(moment))
    tallyLogin('portal-x')
    // An unreachable database at midnight makes no difference.
    await first!.flush()
  }
  await second!.close()
  expect(await second!.read({ clientId: 'portal-x', from: '2026-03-01', to: '2026-04-30' })).toMatchObject([
    {
      days: [
        { day: '2026-03-31', completed: 1 },
        { day: '2026-04-01', completed: 1 },
      ],
    },
  ])
  await first!.close()
})
