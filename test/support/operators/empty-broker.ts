/** A broker from its settings alone: an empty database, in which a test does with commands what an operator does. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { inject } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { type Broker, start } from '../../../src/main.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { atEnd } from '../at-end.ts'
import { openRecord, recordSecrets } from '../record.ts'
import { freshDatabase } from '../world.ts'
import { openFolder } from './command-line.ts'

const newKey = () => randomBytes(32).toString('base64url')

/** On the PostgreSQL server where there is one, else embedded in a folder. */
export async function emptySettings(): Promise<Record<string, string>> {
  const withoutServer = inject('databaseUrl') === undefined
  const keys = {
    SEAL_KEYS: newKey(),
    INDEX_KEYS: newKey(),
    COOKIE_KEYS: newKey(),
    PAIRWISE_KEY: newKey(),
  }
  recordSecrets(Object.values(keys))
  return {
    ...keys,
    ISSUER: 'https://sso.example.gov.vn',
    PORT: '0',
    OPERATIONS_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: withoutServer ? `embedded:${join(openFolder(), 'data')}` : await freshDatabase(),
    STATE_URL: 'memory:',
    UPSTREAM_DIALECT: 'oidc',
    UPSTREAM_ISSUER: 'http://127.0.0.1:9',
    UPSTREAM_CLIENT_ID: 'broker',
    UPSTREAM_CLIENT_SECRET: 'a-secret-that-is-never-printed',
  }
}

export async function startEmpty(settings: Readonly<Record<string, string>>): Promise<Broker> {
  const log = createLog({ level: 'info', destination: { write: openRecord('log') } })
  const broker = await start(loadConfig(settings), log)
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= broker.stop())
  atEnd(stop)
  return { ...broker, stop }
}
