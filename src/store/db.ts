/** The room of all SQL and Redis. One SQL dialect: PostgreSQL 15+, on a server or embedded in the process (PGlite). */
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
  /** Runs `work` in a transaction; an error rolls it back. */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** Several statements without values (migrations). */
  script(text: string): Promise<void>
}

/** One connection for longer work. Its temporary tables are dropped when it ends. */
export interface Session extends Db {
  /** Runs `copy … from stdin (format binary)` with bytes from `imports/copy-rows.ts`. */
  copy(text: string, bytes: readonly Buffer[]): Promise<void>
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
}

export interface Database extends Db {
  /** Runs `work` on one connection without a statement timeout. */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * @param url `postgres://…`, `embedded:FOLDER` or `embedded:memory`
 * @param longest statement timeout in milliseconds
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

/** Whether a unique or primary key refused the row, which usually means a lost race. */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '23505'
}

/** Runs the work again after a conflict with another transaction (deadlock, serialisation, unique violation). */
export async function retried<T>(work: () => Promise<T>, attempts = 5): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (attempts <= 1 || !['40P01', '40001', '23505'].includes(code)) throw error
    return retried(work, attempts - 1)
  }
}

/** Translates connection errors into `store_unavailable`; leaves statement errors unchanged. */
function translate(error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  // lock_not_available: the caller set a lock timeout and handles the error (migrate.ts).
  if (code === '55P03') return error
  // Class 08: connection, 57P0x: server shutdown, 53: out of resources.
  if (
    /^(08|57P0|53|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_)/.test(code) ||
    /connection|timeout/i.test(message)
  ) {
    return new BrokerError('store_unavailable', `PostgreSQL ${code}`.trim())
  }
  return error
}

function connectServer(url: string, size: number, longest: number): Database {
  // Longer than the server's own timeout, for a network that drops packets silently.
  const silence = longest + Math.min(longest, 5_000)
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: longest,
    application_name: 'vneid-sso-gateway',
  })
  // The pool replaces an idle connection that breaks; the next query fails if the server is unreachable.
  pool.on('error', () => {})
  // A connection in use reports its error through its query; without this listener the event would end the process.
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
          // If the rollback fails the connection is broken and must not return to the pool.
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
        // Closed instead of returned to the pool, which drops its temporary tables.
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
  // There is only one connection, so sessions run one at a time.
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
 * PGlite takes no lock, and two processes on one folder lose committed rows. SQLite's exclusive lock is a lock of the
 * operating system: it works across processes and is released when a process ends in any way.
 */
function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true })
  const lock = new DatabaseSync(`${resolve(folder)}.lock`)
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch {
    lock.close()
    throw new Error(`the data folder ${folder} is in use by another process; stop that process first`)
  }
  return () => lock.close()
}
