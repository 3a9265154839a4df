/** The only SQL and the only Redis. One dialect: PostgreSQL 15+, on a server or embedded in the process. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'
import { PGlite, types as pgliteTypes } from '@electric-sql/pglite'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { BrokerError } from '../errors.ts'
import { databaseConnections } from '../telemetry/metrics.ts'
import { roundTrip, statementName } from './round-trip.ts'

export interface Db {
  /** One statement, one round trip. `bytea` comes back as `Buffer`, `timestamptz` as `Date`. */
  query<Row extends object = Record<string, never>>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Commits what `work` did, or nothing. */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** Several statements without values (migrations). */
  script(text: string): Promise<void>
}

/** One connection for a longer work of its own; what is temporary on it ends with it, however it ends. */
export interface Session extends Db {
  /** `copy … from stdin (format binary)`; the bytes are what `imports/copy-rows.ts` makes. */
  copy(text: string, bytes: readonly Buffer[]): Promise<void>
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
}

export interface Database extends Db {
  /** No statement of a session is cut off for its length. */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * @param url `postgres://…`, `embedded:FOLDER` or `embedded:memory`
 * @param longest milliseconds that a statement may take
 */
export async function openDatabase({
  url,
  pool = 10,
  longest = 30_000,
}: {
  url: string
  pool?: number
  longest?: number
}): Promise<Database> {
  return url.startsWith('embedded:')
    ? openEmbedded(url.slice('embedded:'.length))
    : connectServer(url, pool, longest)
}

/** PostgreSQL: a unique or primary key refused the row (a race lost, not a fault). */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '23505'
}

/** Another transaction was in the way (a deadlock, a race for one row): the same work, begun anew, goes through. */
export async function retried<T>(work: () => Promise<T>, attempts = 5): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (attempts <= 1 || !['40P01', '40001', '23505'].includes(code)) throw error
    return retried(work, attempts - 1)
  }
}

/** Faults of the connection become one code; faults of a statement stay what they are. */
function translate(error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  // A table that others hold, where somebody set himself a limit for that (migrate.ts).
  if (code === '55P03') return error
  // Class 08: connection, 57P0x: the server goes away, 53: out of resources.
  if (
    /^(08|57P0|53|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_)/.test(code) ||
    /connection|timeout/i.test(message)
  ) {
    return new BrokerError('store_unavailable', `PostgreSQL ${code}`.trim())
  }
  return error
}

function connectServer(url: string, size: number, longest: number): Database {
  // The server speaks first; where it says nothing at all (a network that swallows), we do not wait for ever.
  const silence = longest + Math.min(longest, 5_000)
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: longest,
    application_name: 'vneid-sso-gateway',
  })
  // An idle connection that breaks is replaced by the pool; the next query tells if the server is gone.
  pool.on('error', () => {})
  // One that breaks while it is held says so to whoever holds it, by its query; unheard, it would end the process.
  pool.on('connect', (client) => void client.on('error', () => {}))

  databaseConnections.set({ state: 'limit' }, size)
  const watched = setInterval(() => {
    databaseConnections.set({ state: 'in_use' }, pool.totalCount - pool.idleCount)
    databaseConnections.set({ state: 'idle' }, pool.idleCount)
    databaseConnections.set({ state: 'waiting' }, pool.waitingCount)
  }, 1_000).unref()

  // Each text is prepared once per connection. Texts are constants of this folder, so the map is bounded.
  const names = new Map<string, { name: string; does: string }>()
  const nameOf = (text: string) => {
    let known = names.get(text)
    if (known === undefined) names.set(text, (known = { name: `s${names.size}`, does: statementName(text) }))
    return known
  }
  const bounded = (text: string, most: number | undefined) =>
    most === undefined ? { text } : { text, query_timeout: most }
  const on = (client: pg.Pool | pg.PoolClient, most?: number) => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      const { name, does } = nameOf(text)
      return roundTrip('database', does, async () => {
        try {
          return (await client.query<Row>({ name, ...bounded(text, most), values: [...values] })).rows
        } catch (error) {
          throw translate(error)
        }
      })
    },
    script: async (text: string) => void (await client.query(text)),
  })

  const connect = () =>
    pool.connect().catch((error: unknown) => {
      throw translate(error)
    })
  const sessionOn = (client: pg.PoolClient, most?: number): Session => {
    const session: Session = {
      ...on(client, most),
      copy: (text, bytes) =>
        pipeline(bytes, client.query(copyFrom(text))).catch((error: unknown) => {
          throw translate(error)
        }),
      async transaction(work) {
        try {
          await client.query(bounded('begin', most))
          const inside: Session = { ...session, transaction: (inner) => inner(inside) }
          const result = await work(inside)
          await client.query(bounded('commit', most))
          return result
        } catch (error) {
          // Where even this fails the connection is gone, and the transaction with it: whoever holds it must not keep it.
          await client
            .query(bounded('rollback', Math.min(longest, 5_000)))
            .catch((cause: unknown) => Object.assign(client, { broken: cause }))
          throw translate(error)
        }
      },
    }
    return session
  }

  return {
    ...on(pool, silence),
    async transaction(work) {
      const client: pg.PoolClient & { broken?: Error } = await connect()
      try {
        return await sessionOn(client, silence).transaction(work)
      } finally {
        client.release(client.broken)
      }
    },
    async session(work) {
      const client = await connect()
      try {
        await client.query('set statement_timeout = 0')
        return await work(sessionOn(client))
      } finally {
        // Not back to the pool: its temporary tables go with it.
        client.release(true)
      }
    },
    ping: async () =>
      void (await pool
        .query(bounded('select 1', silence))
        .catch((error: unknown) => Promise.reject(translate(error)))),
    close() {
      clearInterval(watched)
      return pool.end()
    },
  }
}

async function openEmbedded(folder: string): Promise<Database> {
  const release = folder === 'memory' ? () => {} : lockFolder(folder)
  const lite = await PGlite.create({
    ...(folder === 'memory' ? {} : { dataDir: folder }),
    parsers: { [pgliteTypes.BYTEA]: (text) => Buffer.from(text.slice(2), 'hex') },
  })
  const on = (target: Pick<PGlite, 'query' | 'exec'>): Omit<Session, 'transaction'> => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      const { rows } = await roundTrip('database', statementName(text), () =>
        target.query<Row>(text, [...values]),
      )
      return rows
    },
    script: async (text: string) => void (await target.exec(text)),
    async copy(text, bytes) {
      const blob = new Blob([...bytes] as Uint8Array<ArrayBuffer>[])
      await target.query(text.replace('from stdin', "from '/dev/blob'"), [], { blob })
    },
  })
  const session: Session = {
    ...on(lite),
    transaction: (work) =>
      lite.transaction((tx) => {
        const inside: Session = { ...on(tx), transaction: (inner) => inner(inside) }
        return work(inside)
      }),
  }
  // There is one connection, so one session at a time.
  let last: Promise<unknown> = Promise.resolve()

  return {
    ...session,
    session(work) {
      const mine = last.then(async () => {
        try {
          return await work(session)
        } finally {
          await lite.exec('discard temp')
        }
      })
      last = mine.catch(() => {})
      return mine
    },
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
