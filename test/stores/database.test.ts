/** One contract for the database, on a server and embedded in the process. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Database, isUniqueViolation, openDatabase } from '../../src/store/db.ts'
import { migrate, pendingMigrations } from '../../src/store/migrate.ts'
import { freshDatabase } from '../support/world.ts'

const server = inject('databaseUrl') !== undefined

const engines = [
  { name: 'a PostgreSQL server', missing: !server, address: freshDatabase },
  { name: 'PGlite in the process', missing: false, address: () => Promise.resolve('embedded:memory') },
]
for (const { name, missing, address } of engines)
  describe.skipIf(missing)(`the database on ${name}`, () => {
    let db: Database
    beforeAll(async () => {
      db = await openDatabase({ url: await address() })
      await db.script(`create table item (id int primary key, body bytea, at timestamptz, data jsonb, many text[]);
      create table other (id int);`)
    })
    afterAll(() => db.close())
    const ids = async () =>
      (await db.query<{ id: number }>('select id from item where id < 1000 order by id')).map(({ id }) => id)
    const insert = (on: Pick<Database, 'query'>, id: number) =>
      on.query('insert into item (id) values ($1)', [id])

    test('bytes come back as Buffer, times as Date, JSON as values, nothing as null', async () => {
      const row = {
        body: Buffer.from([0, 1, 92, 120, 255]),
        at: new Date('2026-02-03T04:05:06.789Z'),
        data: { text: 'Nguyễn', list: [1, null] },
        many: ['a,b', '"c"'],
      }
      const values = [row.body, row.at, JSON.stringify(row.data), row.many]
      const sql =
        'insert into item (id, body, at, data, many) values (1000, $1, $2, $3, $4) returning body, at, data, many'
      const [found] = await db.query<typeof row>(sql, values)
      expect(found).toEqual(row)
      expect(Buffer.isBuffer(found!.body)).toBe(true)
      const nothing = { body: null, at: null, data: null, many: null }
      const empty = sql.replace('1000', '1001')
      expect(await db.query(empty, [null, null, null, null])).toEqual([nothing])
    })

    test('lists of bytes can be query parameters', async () => {
      const rows = await db.query<{ n: number }>(
        'select count(*)::int as n from unnest($1::bytea[]) b where b = any($1::bytea[])',
        [[Buffer.from([1, 0]), Buffer.from('x')]],
      )
      expect(rows).toEqual([{ n: 2 }])
    })

    test('a transaction commits all its statements and returns the result of its work', async () => {
      const answer = await db.transaction(async (tx) => {
        await insert(tx, 1)
        await insert(tx, 2)
        return 'done'
      })
      expect(answer).toBe('done')
      expect(await ids()).toEqual([1, 2])
    })

    test('a transaction that throws changes nothing, and the caller gets the thrown error', async () => {
      const before = await ids()
      const fault = new Error('no')
      const work = db.transaction(async (tx) => {
        await insert(tx, 10)
        throw fault
      })
      await expect(work).rejects.toBe(fault)
      expect(await ids()).toEqual(before)
    })

    test('a transaction within a transaction belongs to the outer one', async () => {
      const before = await ids()
      const work = db.transaction(async (tx) => {
        await tx.transaction(async (inner) => {
          await insert(inner, 20)
        })
        expect(await tx.query('select 1 from item where id = 20')).toHaveLength(1)
        throw new Error('after the inner one')
      })
      await expect(work).rejects.toThrow('after the inner one')
      expect(await ids()).toEqual(before)
    })

    test('a refused statement rolls its transaction back, and the connection stays usable', async () => {
      await expect(
        db.transaction(async (tx) => {
          await insert(tx, 30)
          await insert(tx, 30).catch(() => {})
          await insert(tx, 31)
        }),
      ).rejects.toThrow('transaction is aborted')
      expect((await ids()).filter((id) => id >= 30)).toEqual([])
      await insert(db, 32)
    })

    test('a duplicate is recognised, and another refusal is not reported as a duplicate', async () => {
      await insert(db, 40)
      const duplicate: unknown = await insert(db, 40).catch((error: unknown) => error)
      const faulty: unknown = await db.query('select * from nowhere').catch((error: unknown) => error)
      expect([isUniqueViolation(duplicate), isUniqueViolation(faulty)]).toEqual([true, false])
      expect(isUniqueViolation(undefined)).toBe(false)
    })

    test('of twenty simultaneous inserts of the same key one succeeds', async () => {
      const races = await Promise.allSettled(Array.from({ length: 20 }, () => insert(db, 50)))
      expect(races.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(races.every((race) => race.status === 'fulfilled' || isUniqueViolation(race.reason))).toBe(true)
    })

    test('migrations run once with any number of runners, and a migration edited afterwards stops the start', async () => {
      const fresh = await openDatabase({ url: await address() })
      try {
        const needed = await pendingMigrations(fresh)
        expect(needed).toContain('001-subjects.sql')
        const runs = await Promise.all(Array.from({ length: 5 }, () => migrate(fresh)))
        expect(runs.flat()).toEqual(needed)
        expect(await migrate(fresh)).toEqual([])
        expect(await pendingMigrations(fresh)).toEqual([])
        await fresh.query(`update migration set checksum = 'other' where name = '001-subjects.sql'`)
        await expect(migrate(fresh)).rejects.toThrow('001-subjects.sql was edited')
      } finally {
        await fresh.close()
      }
    })
  })

describe('an unreachable server', () => {
  test('is distinguished from every other fault', async () => {
    const db = await openDatabase({ url: 'postgres://nobody@127.0.0.1:9/nothing' })
    const unavailable = { code: 'store_unavailable' }
    await expect(db.ping()).rejects.toMatchObject(unavailable)
    await expect(db.query('select 1')).rejects.toMatchObject(unavailable)
    await expect(db.transaction(() => Promise.resolve())).rejects.toMatchObject(unavailable)
    await db.close()
  })
})
