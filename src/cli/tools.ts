/** Resources of commands, loaded and opened only for a command that needs them. */
import type { Config } from '../config/config.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database } from '../store/db.ts'
import type { AdminClient } from './client.ts'
import type { OperatorSession } from './session.ts'
import type { Terminal } from './terminal.ts'

interface Tools {
  readonly print: (line: string) => void
}
export interface LocalTools extends Tools {
  readonly terminal: Terminal
  readonly config: Config
  readonly db: Database
  readonly log: Log
}
export interface ClientTools extends Tools {
  readonly terminal: Terminal
  readonly admin: AdminClient
  /** The audience of assertions for this API. */
  audience(): Promise<string>
}
export interface SessionTools extends Tools {
  readonly session: OperatorSession
  /** `ISSUER`, if it is set. */
  readonly issuer: string | undefined
}

const printTo =
  ({ stdout }: Terminal) =>
  (line: string) =>
    void stdout.write(`${line}\n`)

export async function withDatabase(
  terminal: Terminal,
  run: (tools: LocalTools) => Promise<void>,
): Promise<void> {
  const { loadConfig } = await import('../config/config.ts')
  const { createLog } = await import('../telemetry/log.ts')
  const { openDatabase } = await import('../store/db.ts')
  const config = loadConfig(terminal.env)
  const log = createLog({ level: config.logLevel, destination: terminal.stderr })
  const db = await openDatabase(config.database)
  try {
    await run({ config, db, log, terminal, print: printTo(terminal) })
  } finally {
    await db.close()
  }
}

/** Authenticates with the operator's key, or otherwise as the person who has signed in. */
export async function openClientTools(terminal: Terminal): Promise<ClientTools> {
  const { loadClientConfig } = await import('../config/config.ts')
  const { createAdminClient } = await import('./client.ts')
  const print = printTo(terminal)
  const { url, operatorKey, sessionFile } = loadClientConfig(terminal.env)
  if (operatorKey !== undefined) {
    const admin = createAdminClient({ url, operatorId: operatorKey.operator, ...operatorKey })
    return { admin, audience: () => Promise.resolve(operatorKey.audience), terminal, print }
  }
  const { createOperatorSession } = await import('./session.ts')
  const session = createOperatorSession(sessionFile)
  const audience = async () => `${await session.issuer()}/admin`
  return { admin: createAdminClient({ url, token: session.token }), audience, terminal, print }
}

export async function openSessionTools(terminal: Terminal): Promise<SessionTools> {
  const { loadClientConfig } = await import('../config/config.ts')
  const { createOperatorSession } = await import('./session.ts')
  const { issuer, sessionFile } = loadClientConfig(terminal.env)
  return { session: createOperatorSession(sessionFile), issuer, print: printTo(terminal) }
}
