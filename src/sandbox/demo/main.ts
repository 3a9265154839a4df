/** `npm run demo` starts the simulator, the broker and two portals on loopback, plays a script, and then waits for you to try them. */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createCitizenKeys } from '../../citizen-id.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { createLog } from '../../telemetry/log.ts'
import { start } from '../../main.ts'
import { generateSigningKey } from '../../oidc/keys.ts'
import { createSeal } from '../../crypto/seal.ts'
import { openDatabase } from '../../store/db.ts'
import { migrate } from '../../store/migrate.ts'
import { citizens } from '../citizens.ts'
import { createOfficer, type Officer, writeKeyFile } from './officers.ts'
import { takePort } from './ports.ts'
import { playScript } from './script.ts'
import { createTeller, NotHeld, type Teller } from './telling.ts'
import { type ExampleClient, readExamples, registerExamples } from '../examples.ts'
import { openPortal, type Portal } from '../portal/portal.ts'
import { openSimulator, type Simulator } from '../simulator/simulator.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)
const newKey = () => randomBytes(32).toString('base64url')
const at = (port: number) => `http://127.0.0.1:${port}`
const upstreamClient = { clientId: 'vneid-sso-gateway', clientSecret: newKey() }
/** The broker's log, shown only after a failure. */
const logLines: string[] = []
/** Everything to close, last opened first. */
const open: { close(): Promise<unknown> }[] = []

try {
  const { once } = parseArgs({ options: { once: { type: 'boolean', default: false } } }).values
  await run(once)
  if (once) await closeAll()
  else for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void closeAll())
} catch (error) {
  process.exitCode = 1
  const why = error instanceof NotHeld ? `this is not true: ${error.message}` : String(error)
  process.stderr.write(`\nThe demo failed: ${why}\n`)
  if (logLines.length > 0)
    process.stderr.write(`\nThe broker’s last log lines:\n${logLines.slice(-40).join('')}`)
  await closeAll()
}

async function closeAll(): Promise<void> {
  for (const part of open.splice(0)) await part.close().catch(() => {})
}

async function run(once: boolean): Promise<void> {
  print('Demonstration of the VNeID SSO gateway. Every person, portal and number in it is made up.\n')
  const usual = process.env['DEMO_PORTS'] !== 'free'
  const port = (who: string, wanted: number) => takePort({ who, wanted: usual ? wanted : 0, print })
  const brokerPort = await port('the broker', 3000)
  const simulatorPort = await port('the VNeID simulator', 3400)
  const portalPorts = [await port('portal one', 4001), await port('portal two', 4002)]
  const [one = 0, two = 0] = portalPorts
  const examples = await readExamples({ [at(4001)]: at(one), [at(4002)]: at(two) })

  print('Starting. The embedded PostgreSQL takes a few seconds to unpack into memory …\n')
  const simulator = await openSimulator({
    port: simulatorPort,
    clients: [
      {
        ...upstreamClient,
        redirectUris: [`${at(brokerPort)}/callback`],
        postLogoutRedirectUris: [`${at(brokerPort)}/signed-out`],
      },
    ],
    approve: 'an',
  })
  open.unshift(simulator)
  const config = configOf(brokerPort, simulator)
  const { issuer } = config
  const { db, secrets, officers, operationsUrl, adminUrl } = await openBroker(config, examples)
  const portals = await openPortals({ issuer, examples, secrets, ports: portalPorts })

  const places = [
    ['VNeID', simulator.url, 'simulated'],
    ['broker', issuer, 'VNeID dialect oidc, stores in memory, random keys of this run'],
    ...examples
      .slice(0, 2)
      .map(({ client_name: name, token_endpoint_auth_method: method }, index) => [
        index === 0 ? 'portal one' : 'portal two',
        portals[index]?.url ?? '',
        `${name}, ${method}`,
      ]),
  ]
  const tell = createTeller(print, new Map(places.map(([name = '', url = '']) => [url, name])))
  tell.table([['who', 'where', 'what'], ...places])
  await playScript({ issuer, db, simulator, examples, portals, officers, tell })
  print('\nEvery step passed.')
  if (!once) await invite({ tell, simulator, portals, officers, issuer, operationsUrl, adminUrl })
}

function configOf(port: number, simulator: Simulator): Config {
  return loadConfig({
    ISSUER: at(port),
    PORT: String(port),
    OPERATIONS_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: 'embedded:memory',
    STATE_URL: 'memory:',
    SEAL_KEYS: newKey(),
    INDEX_KEYS: newKey(),
    COOKIE_KEYS: newKey(),
    PAIRWISE_KEY: newKey(),
    UPSTREAM_DIALECT: 'oidc',
    UPSTREAM_ISSUER: simulator.issuer,
    UPSTREAM_CLIENT_ID: upstreamClient.clientId,
    UPSTREAM_CLIENT_SECRET: upstreamClient.clientSecret,
    SHUTDOWN_GRACE: '2',
  })
}

async function openBroker(config: Config, examples: readonly ExampleClient[]) {
  const keepLine = (line: string) => void logLines.splice(0, logLines.push(line) - 200)
  const log = createLog({ level: 'info', destination: { write: keepLine } })
  const db = await openDatabase(config.database)
  open.unshift(db)
  await migrate(db)
  await generateSigningKey({ db, seal: createSeal(config.keys.seal, 'signing key'), log }, 'ES256', {
    actor: 'local',
  })
  const secrets = await registerExamples({ db, log }, examples)
  const broker = await start(config, log, { db })
  open.unshift({ close: () => broker.stop() })
  const { operationsUrl, adminUrl } = broker
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const admin = { db, log, citizenKeys, url: adminUrl, audience: config.admin.audience }
  const officers = [
    await createOfficer(admin, 'officer-lan', '001185000101'),
    await createOfficer(admin, 'officer-hai', '001085000102'),
  ] as const
  return { db, secrets, officers, operationsUrl, adminUrl }
}

async function openPortals({
  issuer,
  examples,
  secrets,
  ports,
}: {
  issuer: string
  examples: readonly ExampleClient[]
  secrets: ReadonlyMap<string, string>
  ports: readonly number[]
}): Promise<[Portal, Portal]> {
  const openOne = async (index: 0 | 1) => {
    const [client, other] = [examples[index]!, examples[1 - index]!]
    const portal = await openPortal({
      issuer,
      clientId: client.client_id,
      secret: secrets.get(client.client_id),
      scope: client.scope,
      name: client.client_name,
      colour: index === 0 ? 'blue' : 'green',
      port: ports[index]!,
      neighbour: { name: other.client_name, url: at(ports[1 - index]!) },
    })
    open.unshift(portal)
    return portal
  }
  return [await openOne(0), await openOne(1)]
}

async function invite({
  tell,
  simulator,
  portals: [one, two],
  officers: [officer],
  issuer,
  operationsUrl,
  adminUrl,
}: {
  tell: Teller
  simulator: Simulator
  portals: readonly [Portal, Portal]
  officers: readonly [Officer, Officer]
  issuer: string
  operationsUrl: string
  adminUrl: string
}): Promise<void> {
  simulator.approve(undefined)
  print('\nNow try it yourself. VNeID now shows its pages: choose a citizen, agree, type any six digits.\n')
  tell.table([
    ['open', 'in a browser'],
    ['portal one', one.url],
    ['portal two', two.url],
    ['discovery', `${issuer}/.well-known/openid-configuration`],
    ['metrics', `${operationsUrl}/metrics`],
    ['admin API', adminUrl],
  ])
  tell.table([
    ['citizen', 'number', 'name', 'what is special'],
    ...citizens.map(({ key, number, name, note }) => [key, number, name, note ?? '']),
  ])
  const keyFile = await writeKeyFile(officer)
  open.unshift(keyFile)
  print(`You can also act as ${officer.id}, in another terminal:\n`)
  print(`     export ADMIN_URL=${adminUrl} OPERATOR_KEY_FILE=${keyFile.path}`)
  print('     npm run cli -- review list\n')
  print('The demo runs until you press Ctrl-C. It stores nothing.')
}
