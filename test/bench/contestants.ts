/** Starts the contestants: the broker on its stores, the bare engine with and without a trip to VNeID, and their stores. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { citizens } from '../../src/sandbox/citizens.ts'
import { freePort, startPostgres, startRedis } from '../support/private-servers.ts'
import type { BareSettings } from './bare-process.ts'
import type { BrokerSettings } from './broker-process.ts'
import { launch } from './child.ts'
import type { Contestant } from './measure.ts'
import type { SimulatorSettings } from './simulator-process.ts'

export interface Servers {
  readonly databaseUrl: string
  readonly redisUrl: string
  /** `used_memory` of Redis. */
  redisBytes(): Promise<number | undefined>
  close(): Promise<void>
}

export type Address = `http://127.0.0.1:${number}`
export const freeAddress = async (): Promise<Address> => `http://127.0.0.1:${await freePort()}`

export const portal = {
  clientId: 'bench',
  clientSecret: randomBytes(32).toString('base64url'),
  redirectUri: 'http://127.0.0.1:9/cb',
}
export const vneidClient = { clientId: 'bench-broker', clientSecret: randomBytes(32).toString('base64url') }
const registration = {
  client_id: portal.clientId,
  client_secret: portal.clientSecret,
  redirect_uris: [portal.redirectUri],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: 'ES256' as const,
}
/** Citizens whose sign-in always succeeds. For every second one the portal has a legacy account. */
const people = citizens.filter(
  ({ kind, manner, key }) => kind === 'citizen' && manner === undefined && key !== 'tam',
)

/** Undefined if the servers are neither given (TEST_DATABASE_URL, TEST_REDIS_URL) nor installed. */
export async function findServers(): Promise<Servers | undefined> {
  const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = process.env
  const postgres = databaseUrl ? undefined : await startPostgres()
  const redis = redisUrl ? undefined : await startRedis()
  const base = databaseUrl || postgres?.url
  const state = redisUrl || redis?.url
  const stop = async () => void (await Promise.all([postgres?.stop(), redis?.stop()]))
  if (base === undefined || state === undefined) {
    await stop()
    return undefined
  }
  const database = new URL(base)
  database.pathname = `/bench_${randomBytes(6).toString('hex')}`
  const sql = async (text: string) => {
    const admin = new pg.Client({ connectionString: base })
    await admin.connect()
    try {
      await admin.query(text)
    } finally {
      await admin.end()
    }
  }
  await sql(`create database ${database.pathname.slice(1)}`)
  const asker = new Redis(state)
  return {
    databaseUrl: database.href,
    redisUrl: state,
    redisBytes: async () => Number(/^used_memory:(\d+)/m.exec(await asker.info('memory'))?.[1]),
    async close() {
      await asker.quit()
      await sql(`drop database if exists ${database.pathname.slice(1)} with (force)`)
      await stop()
    },
  }
}

export async function openVneid() {
  const [issuer, server, embedded, brokered] = await Promise.all([
    freeAddress(),
    freeAddress(),
    freeAddress(),
    freeAddress(),
  ])
  const simulator = await launch(
    './simulator-process.ts',
    {
      port: portOf(issuer),
      ...vneidClient,
      redirectUris: [`${server}/callback`, `${embedded}/callback`, `${brokered}/cb`],
    } satisfies SimulatorSettings,
    { alone: false },
  )
  return { issuer, addresses: { server, embedded, brokered }, close: () => simulator.close() }
}
export type Vneid = Awaited<ReturnType<typeof openVneid>>

/** @param servers undefined: PGlite in a folder, and state in the process */
export async function openBroker(vneid: Vneid, servers?: Servers): Promise<Contestant> {
  const name = servers ? 'server' : 'embedded'
  const folder = mkdtempSync(join(tmpdir(), 'broker-bench-'))
  const broker = await launchBroker({
    name,
    issuer: vneid.addresses[name],
    vneid: vneid.issuer,
    databaseUrl: servers?.databaseUrl ?? `embedded:${join(folder, 'data')}`,
    stateUrl: servers?.redisUrl ?? 'memory:',
    accounts: people.filter((_, index) => index % 2 === 0).map(({ number }) => attestedAccount(number)),
    citizens: people.map(({ key }) => key),
  })
  const close = () => broker.child.close().finally(() => rmSync(folder, { recursive: true, force: true }))
  return { ...broker, child: { ...broker.child, close } }
}

/** A row of the portal's file that is linked at the first login. */
export const attestedAccount = (number: string): Record<string, string> => ({
  account_id: `old-${number}`,
  kind: 'citizen',
  citizen_id: number,
  attested_at: '2024-05-20',
})

/** @param citizens names by which the driver selects them at VNeID */
export async function launchBroker(what: {
  name: string
  issuer: Address
  vneid: Address
  databaseUrl: string
  stateUrl: string
  accounts: Record<string, string>[]
  citizens: readonly string[]
}): Promise<Contestant> {
  const { name, issuer, accounts, citizens: names } = what
  const key = () => randomBytes(32).toString('base64url')
  const scope = 'openid profile citizen_id legacy_accounts'
  const settings: BrokerSettings = {
    environment: {
      ISSUER: issuer,
      PORT: String(portOf(issuer)),
      OPERATIONS_PORT: '0',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'info',
      DATABASE_URL: what.databaseUrl,
      STATE_URL: what.stateUrl,
      SEAL_KEYS: key(),
      INDEX_KEYS: key(),
      COOKIE_KEYS: key(),
      PAIRWISE_KEY: key(),
      UPSTREAM_DIALECT: 'oidc',
      UPSTREAM_ISSUER: what.vneid,
      UPSTREAM_CLIENT_ID: vneidClient.clientId,
      UPSTREAM_CLIENT_SECRET: vneidClient.clientSecret,
    },
    portal: { ...registration, client_name: 'Bench', scope },
    accounts,
  }
  const child = await launch('./broker-process.ts', settings, { alone: true })
  return { name, child, target: { ...portal, issuer, scope }, citizens: names }
}

/** The bare engine. @param vneid if given, the engine brokers to it */
export async function openBare(
  name: string,
  { redisUrl }: { redisUrl?: string },
  vneid?: Vneid,
): Promise<Contestant> {
  const issuer = vneid?.addresses.brokered ?? (await freeAddress())
  const settings: BareSettings = {
    issuer,
    portal: registration,
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(vneid && { upstream: { issuer: vneid.issuer, ...vneidClient } }),
  }
  const child = await launch('./bare-process.ts', settings, { alone: true })
  const target = { ...portal, issuer, scope: 'openid profile' }
  return { name, child, target, citizens: people.map(({ key }) => key) }
}

export function portOf(address: Address): number {
  return Number(new URL(address).port)
}
