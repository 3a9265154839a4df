/** Starts the process: config → stores → app → listen. Drains and closes on SIGTERM and SIGINT. */
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Operation } from './admin/operation.ts'
import { createApp } from './app.ts'
import { type Config, loadConfig } from './config/config.ts'
import { startHousekeeping } from './housekeeping.ts'
import { createListener } from './http/listener.ts'
import type { Periods } from './parts.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { ensureSigningKey } from './oidc/keys.ts'
import { createSeal } from './crypto/seal.ts'
import { ConfigError } from './config/settings.ts'
import { type Database, openDatabase } from './store/db.ts'
import { migrate } from './store/migrate.ts'
import { openState } from './store/state/open.ts'
import { openTracing } from './telemetry/tracing-export.ts'

export interface Broker {
  readonly url: string
  readonly operationsUrl: string
  readonly adminUrl: string
  /** The operations of the admin API, with their roles. */
  readonly adminOperations: readonly Operation[]
  /** Reads changes of the registry now instead of within a second. */
  refresh(): Promise<void>
  /** Drains and closes everything. */
  stop(): Promise<void>
}

/**
 * @param shared a database that the caller opens and closes, because an embedded one can be opened only once
 * @param periods shorter periods of background work, for tests
 */
export async function start(
  config: Config,
  log: Log,
  { db: shared, periods = {} }: { db?: Database; periods?: Periods } = {},
): Promise<Broker> {
  const db = shared ?? (await openDatabase(config.database))
  const state = openState(config.state)
  // Only this process can use an embedded database, so it is migrated and gets its signing key here.
  if (config.database.url.startsWith('embedded:')) {
    await migrate(db)
    await ensureSigningKey({ db, seal: createSeal(config.keys.seal, 'signing key'), log }, 'ES256', {
      actor: 'system',
    })
  }
  const closeTracing = await openTracing(config.tracing)
  const app = await createApp({ config, db, state, log, periods })

  const server = createListener(app.callback, { headers: config.headersTimeout })
  const url = await listen(server, config.listen)
  const operationsUrl = await listen(app.health, config.operations)
  const adminUrl = await listen(app.admin, config.admin)
  const endHousekeeping = startHousekeeping({ ...app.housekeeping, log })
  log.info({
    event: 'broker.started',
    issuer: config.issuer,
    listen: url,
    operations: operationsUrl,
    admin: adminUrl,
  })

  return {
    url,
    operationsUrl,
    adminUrl,
    adminOperations: app.adminOperations,
    refresh: app.refresh,
    async stop() {
      app.drain()
      const kept = endHousekeeping()
      await sleep(config.drainDelay * 1000)
      await Promise.all([server, app.admin].map((open) => end(open, config.shutdownGrace)))
      await app.close()
      await new Promise<void>((resolve) => {
        app.health.close(() => resolve())
        app.health.closeAllConnections()
      })
      await closeTracing()
      await kept
      await state.close()
      if (shared === undefined) await db.close()
      log.info({ event: 'broker.stopped' })
    },
  }
}

/** Closes the server; running requests may take `grace` seconds. */
async function end(server: Server, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Browsers and portals keep connections open after the last response; these must not delay shutdown.
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const deadline = setTimeout(() => server.closeAllConnections(), grace * 1000)
  await closed
  clearTimeout(deadline)
  clearInterval(idle)
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(`http://${host}:${typeof address === 'object' && address !== null ? address.port : port}`)
    })
  })
}

if (import.meta.main) {
  try {
    const config = loadConfig()
    const log = createLog({ level: config.logLevel })
    const broker = await start(config, log)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void broker.stop().then(() => process.exit(0)))
    }
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`)
    // Exits explicitly, because an open store would keep the process alive.
    process.exit(1)
  }
}
