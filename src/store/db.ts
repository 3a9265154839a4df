/** The only SQL and the only Redis. One dialect: PostgreSQL 15+, on a server or embedded in the process. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PGlite, types as pgliteTypes } from '@electric-sql/pglite'
import pg from 'pg'
import { BrokerError } from '../errors.ts'
import { roundTrips } from '../metrics.ts'

export interface Db {
  /** One statement, one round trip. `bytea` comes back as `Buffer`, `timestamptz` as `Date`. */
  query<Row extends object = Record<string, never>>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Commits what `work` did, or nothing. */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** Several statements without values (migrations). */
  script(text: string): Promise<void>
}

export interface Database extends Db {
  ping(): Promise<void>
  close(): Promise<void>
}

/** @param url `postgres://…`, `embedded:FOLDER` or `embedded:memory` */
export async function openDatabase({ url, pool = 10 }: { url: string; pool?: number }): Promise<Database> {
  return url.startsWith('embedded:') ? openEmbedded(url.slice('embedded:'.length)) : connectServer(url, pool)
}

/** PostgreSQL: a unique or primary key refused the row (a race lost, not a fault). */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '23505'
}

/** Faults of the connection become one code; faults of a statement stay what they are. */
function translate(error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  // Class 08: connection, 57P0x: the server goes away, 53: out of resources.
  if (
    /^(08|57P0|53|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_)/.test(code) ||
    /connection|timeout/i.test(message)
  ) {
    return new BrokerError('store_unavailable', `PostgreSQL ${code}`.trim())
  }
  return error
}

function connectServer(url: string, size: number): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 30_000,
    application_name: 'vneid-sso-gateway',
  })
  // An idle connection that breaks is replaced by the pool; the next query tells if the server is gone.
  pool.on('error', () => {})

  // Each text is prepared once per connection. Texts are constants of this folder, so the map is bounded.
  const names = new Map<string, string>()
  const nameOf = (text: string) => {
    let name = names.get(text)
    if (name === undefined) names.set(text, (name = `s${names.size}`))
    return name
  }
  const on = (client: pg.Pool | pg.PoolClient) => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      roundTrips.inc({ store: 'database' })
      try {
        const result = await client.query<Row>({ name: nameOf(text), text, values: [...values] })
        return result.rows
      } catch (error) {
        throw translate(error)
      }
    },
    script: async (text: string) => void (await client.query(text)),
  })

  return {
    ...on(pool),
    async transaction(work) {
      const client = await pool.connect().catch((error: unknown) => {
        throw translate(error)
      })
      const inside: Db = { ...on(client), transaction: (inner) => inner(inside) }
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await work(inside)
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((cause: unknown) => {
          broken = cause as Error
        })
        throw translate(error)
      } finally {
        client.release(broken)
      }
    },
    ping: async () =>
      void (await pool.query('select 1').catch((error: unknown) => Promise.reject(translate(error)))),
    close: () => pool.end(),
  }
}

async function openEmbedded(folder: string): Promise<Database> {
  const release = folder === 'memory' ? () => {} : lockFolder(folder)
  const lite = await PGlite.create({
    ...(folder === 'memory' ? {} : { dataDir: folder }),
    parsers: { [pgliteTypes.BYTEA]: (text) => Buffer.from(text.slice(2), 'hex') },
  })
  const on = (target: Pick<PGlite, 'query' | 'exec'>) => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      roundTrips.inc({ store: 'database' })
      return (await target.query<Row>(text, [...values])).rows
    },
    script: async (text: string) => void (await target.exec(text)),
  })

  return {
    ...on(lite),
    transaction: (work) =>
      lite.transaction((tx) => {
        const inside: Db = { ...on(tx), transaction: (inner) => inner(inside) }
        return work(inside)
      }),
    ping: async () => void (await lite.query('select 1')),
    async close() {
      await lite.close()
      release()
    },
  }
}

/**
 * PGlite takes no lock of its own, and two processes on one folder lose committed rows. SQLite's exclusive
 * lock is the operating system's: it holds across processes and ends with them, however they end.
 */
function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true })
  const lock = new DatabaseSync(`${resolve(folder)}.lock`)
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch {
    lock.close()
    throw new Error(`the data folder ${folder} is in use by another process`)
  }
  return () => lock.close()
}
