/** A connection that breaks during use. The tests wait for timeouts of a network that drops all packets. */
import { type Socket, connect, createServer } from 'node:net'
import { expect, inject, test } from 'vitest'
import { openDatabase } from '../../src/store/db.ts'
import { freshDatabase } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined

test.skipIf(isMissing)(
  'a connection that the server closes ends its transaction, and not the process',
  async () => {
    const db = await openDatabase({ url: await freshDatabase() })
    const other = await openDatabase({ url: await freshDatabase(), pool: 1 })
    try {
      for (const hold of [db.transaction, db.session]) {
        const lost = hold(async (held) => {
          const [own] = await held.query<{ pid: number }>('select pg_backend_pid() as pid')
          await other.query('select pg_terminate_backend($1)', [own!.pid])
          // The connection is idle, as between two statements, when the server's end arrives.
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

test.skipIf(isMissing)(
  'a network that drops all packets blocks no caller forever, and keeps no connection of the pool',
  async () => {
    const url = new URL(await freshDatabase())
    const { hostname, port } = url
    const pairs: (readonly [Socket, Socket])[] = []
    const road = createServer((near) => {
      const far = connect(Number(port || 5432), hostname)
      pairs.push([near, far])
      near.pipe(far).pipe(near)
      for (const end of [near, far]) end.on('error', () => {})
    })
    await new Promise<void>((resolve) => road.listen(0, '127.0.0.1', resolve))
    url.port = String((road.address() as { port: number }).port)
    url.hostname = '127.0.0.1'
    const db = await openDatabase({ url: url.href, pool: 1, longest: 300 })
    const cut = () => pairs.forEach(([near, far]) => (near.unpipe(far), far.unpipe(near)))
    try {
      for (const ask of [
        () => db.query('select 1'),
        () => db.ping(),
        () => db.transaction((tx) => tx.query('select 1')),
        () =>
          db.transaction(async (tx) => {
            await tx.query('select 1')
            cut()
            await tx.query('select 1')
          }),
      ]) {
        await db.ping()
        cut()
        await expect(ask()).rejects.toMatchObject({ code: 'store_unavailable' })
        expect(await db.query('select 1 as one')).toEqual([{ one: 1 }])
      }
    } finally {
      for (const end of pairs.flat()) end.destroy()
      road.close()
      await db.close()
    }
  },
  60_000,
)
