/** config → stores → app → listen; drains and closes on SIGTERM. */
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Operation } from './admin/operation.ts'
import { createApp } from './app.ts'
import { type Config, loadConfig } from './config/config.ts'
import { keepHouse } from './housekeeping.ts'
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
  /** What the admin API offers, and to whom. */
  readonly adminOperations: readonly Operation[]
  /** Picks up changes of the registry now instead of within a second. */
  refresh(): Promise<void>
  /** Drains, closes and resolves. */
  stop(): Promise<void>
}

/**
 * @param shared a database that its owner opened and closes (an embedded one has room for one)
 * @param periods shorter ones, for tests that wait for what a node does by itself
 */
export async function start(
  config: Config,
  log: Log,
  { db: shared, periods = {} }: { db?: Database; periods?: Periods } = {},
): Promise<Broker> {
  const db = shared ?? (await openDatabase(config.database))
  const state = openState(config.state)
  // An embedded database belongs to this process alone, so what it needs is made here.
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
  const endHousekeeping = keepHouse({ ...app.housekeeping, log })
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

/** What runs gets `grace` seconds. */
async function end(server: Server, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Browsers and portals keep a connection open after its last answer; it must not hold us up.
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
    // At once: a store that was opened already would keep the process alive.
    process.exit(1)
  }
}
