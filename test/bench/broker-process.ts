/** The broker as `npm start` runs it, with one portal and half of the citizens' old accounts in its database. */
import { createCitizenKeys, Identifier } from '../../src/citizen-id.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { start } from '../../src/main.ts'
import { roundTrips } from '../../src/metrics.ts'
import { generateSigningKey } from '../../src/oidc/keys.ts'
import { registerClients } from '../../src/oidc/register.ts'
import { createSeal } from '../../src/seal.ts'
import { openDatabase } from '../../src/store/db.ts'
import { insertLegacyAccount } from '../../src/store/legacy-accounts.ts'
import { migrate } from '../../src/store/migrate.ts'
import { serve } from './measured.ts'

export interface BrokerSettings {
  environment: Record<string, string>
  /** A registration, as an operator would apply it. */
  portal: Record<string, unknown> & { client_id: string }
  /** Numbers with an attested account at the portal. */
  linked: string[]
}

serve(async ({ environment, portal, linked }: BrokerSettings) => {
  const config = loadConfig(environment)
  const log = createLog({ level: config.logLevel })
  const db = await openDatabase(config.database)
  await migrate(db)
  await generateSigningKey({ db, seal: createSeal(config.keys.seal, 'signing key'), log }, 'ES256')
  await registerClients({ db, log, actor: 'bench' }, [portal])
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  for (const number of linked) {
    const identifier = Identifier.parse('citizen_id', number)
    const [key] = citizenKeys.keys(identifier)
    await insertLegacyAccount(db, {
      clientId: portal.client_id,
      accountId: `old-${number.slice(-4)}`,
      kind: 'citizen',
      identifier: { type: 'citizen_id', key: key!, sealed: citizenKeys.seal(identifier) },
      attestedAt: new Date(),
    })
  }
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
