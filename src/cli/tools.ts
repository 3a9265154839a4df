/** What commands work with, loaded and opened only for a command that needs it. */
import type { Config } from '../config/config.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database } from '../store/db.ts'
import type { AdminClient } from './client.ts'
import type { OperatorSession } from './session.ts'

interface Print {
  readonly print: (line: string) => void
}
export interface LocalTools extends Print {
  readonly config: Config
  readonly db: Database
  readonly log: Log
}
export interface ClientTools extends Print {
  readonly admin: AdminClient
  /** The audience of assertions for this API. */
  audience(): Promise<string>
}
export interface SessionTools extends Print {
  readonly session: OperatorSession
  /** `ISSUER`, where it is set. */
  readonly issuer: string | undefined
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

export async function withDatabase(run: (tools: LocalTools) => Promise<void>): Promise<void> {
  const { loadConfig } = await import('../config/config.ts')
  const { createLog } = await import('../telemetry/log.ts')
  const { openDatabase } = await import('../store/db.ts')
  const config = loadConfig()
  const log = createLog({ level: config.logLevel, destination: process.stderr })
  const db = await openDatabase(config.database)
  try {
    await run({ config, db, log, print })
  } finally {
    await db.close()
  }
}

/** With the operator's key, or else as the person who has signed in. */
export async function openClientTools(): Promise<ClientTools> {
  const { loadClientConfig } = await import('../config/config.ts')
  const { createAdminClient } = await import('./client.ts')
  const { url, operatorKey, sessionFile } = loadClientConfig()
  if (operatorKey !== undefined) {
    const admin = createAdminClient({ url, operatorId: operatorKey.operator, ...operatorKey })
    return { admin, audience: () => Promise.resolve(operatorKey.audience), print }
  }
  const { createOperatorSession } = await import('./session.ts')
  const session = createOperatorSession(sessionFile)
  const audience = async () => `${await session.issuer()}/admin`
  return { admin: createAdminClient({ url, token: session.token }), audience, print }
}

export async function openSessionTools(): Promise<SessionTools> {
  const { loadClientConfig } = await import('../config/config.ts')
  const { createOperatorSession } = await import('./session.ts')
  const { issuer, sessionFile } = loadClientConfig()
  return { session: createOperatorSession(sessionFile), issuer, print }
}
