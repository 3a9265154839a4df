/** A connection that breaks while it is held: whoever holds it hears of it, and nobody else. */
import { expect, inject, test } from 'vitest'
import { openDatabase } from '../src/store/db.ts'
import { freshDatabase } from './support/world.ts'

const isMissing = inject('databaseUrl') === undefined

test.skipIf(isMissing)(
  'a connection that the server ends takes its transaction along, and not the process',
  async () => {
    const db = await openDatabase({ url: await freshDatabase() })
    const other = await openDatabase({ url: await freshDatabase(), pool: 1 })
    try {
      for (const hold of [db.transaction, db.session]) {
        const lost = hold(async (held) => {
          const [own] = await held.query<{ pid: number }>('select pg_backend_pid() as pid')
          await other.query('select pg_terminate_backend($1)', [own!.pid])
          // Idle, as between two statements: the end arrives while nobody asks anything.
          await new Promise((resolve) => setTimeout(resolve, 200))
          await held.query('select 1')
        })
        await expect(lost).rejects.toThrow(/terminat|connection|store_unavailable/i)
        expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
      }
    } finally {
      await db.close()
      await other.close()
    }
  },
)
