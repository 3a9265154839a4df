/** The broker as `npm start` runs it, with one portal and some legacy accounts of its citizens in the database. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { createCitizenKeys } from '../../src/citizen-id.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { start } from '../../src/main.ts'
import { createImport } from '../../src/imports/import.ts'
import { createImportRun } from '../../src/imports/run.ts'
import { createLegacyRecords } from '../../src/mapping/record.ts'
import { roundTrips } from '../../src/telemetry/metrics.ts'
import { generateSigningKey } from '../../src/oidc/keys.ts'
import { registerClients } from '../../src/sandbox/register.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { agreed } from '../support/registry/agreement.ts'
import { serve } from './measured.ts'

export interface BrokerSettings {
  environment: Record<string, string>
  /** The portal's definition. */
  portal: Record<string, unknown> & { client_id: string }
  /** Rows of the portal's file, by the columns' English names. */
  accounts: Record<string, string>[]
}

serve(async ({ environment, portal, accounts }: BrokerSettings) => {
  const config = loadConfig(environment)
  const log = createLog({ level: config.logLevel })
  const db = await openDatabase(config.database)
  await migrate(db)
  await generateSigningKey({ db, seal: createSeal(config.keys.seal, 'signing key'), log }, 'ES256', {
    actor: 'bench',
  })
  await registerClients({ db, log, actor: 'bench' }, [agreed(portal)])
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const records = createLegacyRecords({ citizenKeys, keys: config.keys })
  await createImport({ db, run: createImportRun({ db, records }), log })({
    id: randomUUID(),
    clientId: portal.client_id,
    dryRun: false,
    actor: 'bench',
    reference: 'bench',
    source: Readable.from(accounts.map((account) => Buffer.from(`${JSON.stringify(account)}\n`))),
  })
  const broker = await start(config, log, { db })
  return {
    async trips() {
      const { values } = await roundTrips.get()
      const of = (store: string) => values.find(({ labels }) => labels.store === store)?.value ?? 0
      return { state: of('state'), sql: of('database') }
    },
    async close() {
      await broker.stop()
      await db.close()
    },
  }
})
