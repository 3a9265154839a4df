/** A complete environment on loopback: simulator, stores, broker. Tests use it through HTTP. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import * as client from 'openid-client'
import { inject } from 'vitest'
import { type AdminClient, createAdminClient } from '../../src/cli/client.ts'
import type { Operation } from '../../src/admin/operation.ts'
import { createOperator } from '../../src/operators/operators.ts'
import type { Role } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createCitizenKeys, Identifier } from '../../src/citizen-id.ts'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createImport } from '../../src/imports/import.ts'
import { createImportRun } from '../../src/imports/run.ts'
import { createLegacyRecords, type LegacyRecords } from '../../src/mapping/record.ts'
import { start } from '../../src/main.ts'
import type { Periods } from '../../src/parts.ts'
import { generateSigningKey } from '../../src/oidc/keys.ts'
import { registerClients } from '../../src/sandbox/register.ts'
import { openSimulator, type Simulator } from '../../src/sandbox/simulator/simulator.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { type Database, openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { discoverPortal, type Portal, type PortalOptions } from './portal.ts'
import { agreed } from './registry/agreement.ts'
import { atEnd } from './at-end.ts'
import { createContract } from './operators/contract.ts'
import { dumpRedis, dumpRows } from './dumps.ts'
import { freePort } from './private-servers.ts'
import { newNumber } from './operators/operators.ts'
import { copyEmbeddedTemplate, createServerDatabase } from './templates.ts'
import { openRecord, recordPersons, recordSecrets } from './record.ts'

export type Engine = 'server' | 'embedded'

export interface World {
  readonly issuer: string
  readonly config: Config
  /** The settings as environment variables, for a broker in a separate process. */
  readonly settings: Readonly<Record<string, string>>
  readonly simulator: Simulator
  /** A second connection to the same database; undefined when it is embedded, which allows only one. */
  readonly db: Database
  readonly logLines: string[]
  readonly records: LegacyRecords
  operationsUrl: string
  adminUrl: string
  /** The operations of the admin API. */
  readonly adminOperations: readonly Operation[]
  /** Creates an operator (a person with a key). @returns a client that authenticates as the operator */
  operator(id: string, roles: readonly Role[]): Promise<AdminClient>
  register(...definitions: Record<string, unknown>[]): Promise<void>
  /** Makes changes in the database effective on this node at once, instead of within a second. */
  refresh(): Promise<void>
  legacyAccount(account: {
    clientId: string
    accountId: string
    number: string
    attested?: boolean
    /** Additional columns of the import. */
    readonly [column: string]: string | boolean | undefined
  }): Promise<void>
  /** Imports rows with the columns' English names. */
  legacyAccounts(clientId: string, ...rows: Readonly<Record<string, unknown>>[]): Promise<void>
  /** The keyed hashes of a number. */
  citizenKeysOf(number: string): Buffer[]
  portal(options: Partial<PortalOptions> & { clientId: string }): Promise<Portal>
  /** Restarts the broker. @param changes changed settings */
  restart(changes?: Record<string, string>): Promise<void>
  close(): Promise<void>
}

export const portalAddress = 'http://127.0.0.1:9/cb'
const key = () => randomBytes(32).toString('base64url')
const envelope = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

export const secretOf = (id: string): string => `${id}-secret-secret-secret-secret-secret`

/** A confidential portal with a secret; tests change the fields that they are about. */
export function portalDefinition(id: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    client_id: id,
    client_name: `Cổng ${id}`,
    client_uri: 'http://127.0.0.1:9/',
    redirect_uris: [portalAddress],
    post_logout_redirect_uris: ['http://127.0.0.1:9/bye'],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid profile citizen_id organisation legacy_accounts offline_access',
    client_secret: secretOf(id),
    ...changes,
  }
}

export async function openWorld({
  dialect = 'oidc',
  database = inject('databaseUrl') === undefined ? 'embedded' : 'server',
  state = inject('redisUrl') === undefined ? 'embedded' : 'server',
  environment = {},
  periods = {},
}: {
  dialect?: 'oidc' | 'vneid'
  database?: Engine
  state?: Engine | 'cluster'
  environment?: Record<string, string>
  /** What a node does by itself, sooner than in production. */
  periods?: Periods
} = {}): Promise<World> {
  const port = await freePort()
  const issuer = environment['ISSUER'] ?? `http://127.0.0.1:${port}`
  const simulator = await openSimulator({
    clients: [
      {
        clientId: 'broker',
        clientSecret: 'broker-secret-of-the-tests',
        redirectUris: [`${issuer}/callback`],
        postLogoutRedirectUris: [`${issuer}/signed-out`],
        envelopePublicKey: envelope.publicKey,
      },
    ],
    approve: 'an',
    envelope: 'ecb',
  })
  // A template's signing keys are sealed under the run's key.
  const isPrepared = environment['SEAL_KEYS'] === undefined
  const databaseUrl = isPrepared
    ? await copiedDatabase(database)
    : database === 'server'
      ? await freshDatabase()
      : 'embedded:memory'
  const stateUrl =
    state === 'server'
      ? `${inject('redisUrl')}`
      : state === 'cluster'
        ? `${inject('redisClusterUrl')}`
        : 'memory:'

  const settings: Record<string, string> = {
    ISSUER: issuer,
    PORT: String(port),
    OPERATIONS_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: databaseUrl,
    STATE_URL: stateUrl,
    SEAL_KEYS: inject('sealKey'),
    INDEX_KEYS: key(),
    COOKIE_KEYS: key(),
    PAIRWISE_KEY: key(),
    UPSTREAM_CLIENT_ID: 'broker',
    UPSTREAM_CLIENT_SECRET: 'broker-secret-of-the-tests',
    UPSTREAM_DIALECT: dialect,
    ...(dialect === 'oidc'
      ? { UPSTREAM_ISSUER: simulator.issuer }
      : {
          UPSTREAM_AUTHORIZATION_ENDPOINT: `${simulator.url}/auth`,
          UPSTREAM_TOKEN_ENDPOINT: `${simulator.url}/token`,
          UPSTREAM_USERINFO_ENDPOINT: `${simulator.url}/userinfo`,
          UPSTREAM_END_SESSION_ENDPOINT: `${simulator.url}/logout`,
          UPSTREAM_ENVELOPE: 'ecb',
          UPSTREAM_ENVELOPE_KEY: envelope.privateKey,
        }),
    SHUTDOWN_GRACE: '5',
    ...environment,
  }
  const config = loadConfig(settings)
  for (const name of ['SEAL_KEYS', 'INDEX_KEYS', 'COOKIE_KEYS', 'PAIRWISE_KEY', 'UPSTREAM_CLIENT_SECRET']) {
    recordSecrets(settings[name]!.split(','))
  }
  const logLines: string[] = []
  const record = openRecord('log')
  const write = (line: string) => {
    logLines.push(line)
    record(line)
  }
  const log = createLog({ level: 'debug', destination: { write } })

  const db = await openDatabase(config.database)
  if (!isPrepared) {
    await migrate(db)
    const seal = createSeal(config.keys.seal, 'signing key')
    for (const alg of ['ES256', 'RS256'] as const)
      await generateSigningKey({ db, seal, log }, alg, { actor: 'local' })
  }
  const shared = database === 'embedded' ? { db, periods } : { periods }
  let broker = await start(config, log, shared)
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })

  const records = createLegacyRecords({ citizenKeys, keys: config.keys })
  const importLegacy = createImport({ db, run: createImportRun({ db, records }), log })

  const contract = createContract(broker.adminOperations, db)
  let isClosed = false
  const world: World = {
    issuer,
    config,
    settings,
    simulator,
    db,
    logLines,
    records,
    operationsUrl: broker.operationsUrl,
    adminUrl: broker.adminUrl,
    adminOperations: broker.adminOperations,
    async operator(id, roles) {
      const { privateKey, publicKey } = await generateOperatorKey()
      recordSecrets([privateKey.d])
      const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
      await createOperator({ db, log, actor: 'local' }, { id, roles, key: publicKey, citizen })
      const { audience } = config.admin
      const onExchange = contract.check
      return createAdminClient({ url: world.adminUrl, audience, operatorId: id, key: privateKey, onExchange })
    },
    async register(...definitions) {
      const registered = await registerClients({ db, log, actor: 'test' }, definitions.map(agreed))
      recordSecrets([
        ...definitions.map((given) => given['client_secret'] as string),
        ...registered.map(({ secret }) => secret),
      ])
      await broker.refresh()
    },
    refresh: () => broker.refresh(),
    async legacyAccounts(clientId, ...accounts) {
      recordPersons(accounts)
      const source = Readable.from(accounts.map((account) => Buffer.from(`${JSON.stringify(account)}\n`)))
      await importLegacy({
        id: randomUUID(),
        clientId,
        dryRun: false,
        actor: 'test',
        reference: 'test',
        source,
      })
    },
    legacyAccount: ({ clientId, accountId, number, attested = true, ...more }) =>
      world.legacyAccounts(clientId, {
        account_id: accountId,
        kind: 'citizen',
        citizen_id: number,
        ...(attested ? { attested_at: '2024-05-20' } : {}),
        ...more,
      }),
    citizenKeysOf: (number) => citizenKeys.keys(Identifier.parse('citizen_id', number)),
    portal: ({ clientId, ...options }) =>
      discoverPortal({
        issuer,
        clientId,
        redirectUri: portalAddress,
        auth: client.ClientSecretBasic(secretOf(clientId)),
        ...options,
      }),
    async restart(changes = {}) {
      await broker.stop()
      Object.assign(settings, changes)
      broker = await start(loadConfig(settings), log, shared)
      world.operationsUrl = broker.operationsUrl
      world.adminUrl = broker.adminUrl
    },
    async close() {
      if (isClosed) return
      isClosed = true
      openRecord('metrics')(await (await fetch(`${world.operationsUrl}/metrics`)).text())
      if (database === 'embedded') openRecord('rows')(await dumpRows(db))
      // Servers of the whole run are dumped at its end; a server that a test has stopped has no data.
      const briefly = state === 'embedded' ? '' : await dumpRedis(stateUrl, 900).catch(() => '')
      if (briefly !== '') openRecord('redis')(briefly)
      await broker.stop()
      if (database === 'server') await db.close()
      await simulator.close()
    },
  }
  atEnd(() => contract.complain())
  atEnd(() => world.close())
  return world
}

/** Copies a database with the schema and signing keys. @returns its URL */
async function copiedDatabase(engine: Engine): Promise<string> {
  if (engine === 'server')
    return createServerDatabase(server(), `t_${randomBytes(6).toString('hex')}`, inject('databaseTemplate'))
  const folder = await copyEmbeddedTemplate(inject('templateFolder'), inject('sealKey'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return `embedded:${folder}`
}

/** Creates an empty database on the test server. @returns its URL */
export const freshDatabase = (): Promise<string> =>
  createServerDatabase(server(), `t_${randomBytes(6).toString('hex')}`)

function server(): string {
  const url = inject('databaseUrl')
  if (url === undefined)
    throw new Error('there is no PostgreSQL server, so this test should have been skipped')
  return url
}
