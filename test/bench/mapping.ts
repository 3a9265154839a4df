/**
 * `npm run bench:mapping`: the cost of a login with few and with very many legacy accounts in the database.
 *   --sizes N,N,…  accounts (10000,1000000,10000000)   --rounds N   turns, interleaved (20)
 *   --logins N     logins of one turn and size (200)   --json FILE  every figure, plain keys
 */
import { writeFileSync } from 'node:fs'
import { cpus as hardware } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { type PrivateServer, startPostgres, startRedis } from '../support/private-servers.ts'
import { cpus, launch, stepAside } from './child.ts'
import { type Address, attestedAccount, freeAddress, launchBroker, portal } from './contestants.ts'
import type { CrowdSettings } from './crowd-process.ts'
import { numberOf } from './crowd.ts'
import { loadAccounts } from './mapping-load.ts'
import { tablesReadWhole } from './mapping-plans.ts'
import {
  method,
  type Part,
  print,
  ratiosOf,
  type SizeFigures,
  summarise,
  type Turn,
} from './mapping-report.ts'
import { type Contestant, countTrips, round, runRound, warmUp } from './measure.ts'
import { cpuOfServer } from './postgres-cpu.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000,10000000' },
    logins: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
})
const sizes = values.sizes.split(',').map(Number)
const [logins, rounds] = [Number(values.logins), Number(values.rounds)]
const ascending = sizes.every((size, index) => size > (sizes[index - 1] ?? 0))
if (!ascending || !(logins >= 4) || !(rounds > 0))
  throw new TypeError('--sizes ascending, --logins 4 or more, --rounds above 0')

/** The citizens, the same at every size. */
const newcomersOfTurn = Math.floor(logins / 4)
const returning = Array.from({ length: Math.min(2_000, logins * 5) }, (_, index) => numberOf(index))
const newcomers = Array.from({ length: newcomersOfTurn * rounds }, (_, index) =>
  numberOf(returning.length + index),
)
const accounts = [...returning.filter((_, index) => index % 2 === 0), ...newcomers].map(attestedAccount)

// Children end with this process; the servers' folders are removed when it exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const open: { close(): Promise<void> }[] = []
try {
  const postgres = await startPostgres()
  if (postgres !== undefined) open.unshift({ close: postgres.stop })
  const redis = await startRedis()
  if (redis !== undefined) open.unshift({ close: redis.stop })
  if (postgres?.pid === undefined || redis === undefined)
    console.log('skipped: PostgreSQL or Redis is not installed')
  else await compete({ url: postgres.url, pid: postgres.pid }, redis)
} finally {
  for (const one of open) await one.close()
}

interface Entrant {
  readonly size: number
  readonly database: string
  readonly contestant: Contestant
  readonly known: Pick<SizeFigures, 'loadSeconds' | 'databaseMiB' | 'tablesReadWhole'>
  readonly turns: Turn[]
}

async function compete(postgres: { url: string; pid: number }, redis: PrivateServer): Promise<void> {
  // Their CPU time would belong to no login.
  for (const setting of [`autovacuum = off`, `checkpoint_timeout = '1d'`, `max_wal_size = '8GB'`])
    await query(postgres.url, `alter system set ${setting}`)
  await query(postgres.url, 'select pg_reload_conf()')
  const vneid = await freeAddress()
  const crowd = await launch('./crowd-process.ts', { issuer: vneid } satisfies CrowdSettings, {
    alone: false,
  })
  open.unshift(crowd)

  const entrants: Entrant[] = []
  for (const size of sizes) {
    const entrant = await enter(size, { postgresUrl: postgres.url, stateUrl: redis.url, vneid })
    open.unshift(entrant.contestant.child)
    entrants.push(entrant)
  }
  // Filling may use every CPU; from now on one CPU is reserved for the broker.
  for (const pid of [process.pid, postgres.pid, redis.pid, crowd.pid]) stepAside(pid)
  for (const { contestant } of entrants) await warmUp(contestant, returning.length)
  for (let turn = 0; turn < rounds; turn++) {
    for (const one of inTurn(entrants, turn)) one.turns.push(await take(one.contestant, turn, postgres.pid))
  }

  const results: SizeFigures[] = []
  for (const { size, database, contestant, known, turns } of entrants) {
    const [made] = await query<{ links: number }>(
      database,
      `select count(*)::int as links from audit_event where event = 'link.created'`,
    )
    if (made?.links !== accounts.length)
      throw new Error(`${size}: ${made?.links} links instead of ${accounts.length}`)
    const { sql } = await countTrips(contestant)
    results.push({ accounts: size, ...summarise(turns), sqlRoundTrips: sql, ...known })
  }
  const ratios = ratiosOf(results)
  const cpu = hardware()[0]?.model ?? ''
  const run = { node: process.version, cpu, pinned: cpus !== undefined, logins, rounds }
  print(ratios, results, run)
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ ...ratios, sizes: results, run, method }, null, 2)}\n`)
}

/** The broker imports the accounts of its citizens first; the other accounts are generated afterwards. */
async function enter(
  size: number,
  { postgresUrl, stateUrl, vneid }: { postgresUrl: string; stateUrl: string; vneid: Address },
): Promise<Entrant> {
  const database = new URL(postgresUrl)
  database.pathname = `/accounts_${size}`
  await query(postgresUrl, `create database ${database.pathname.slice(1)}`)
  const contestant = await launchBroker({
    name: String(size),
    issuer: await freeAddress(),
    vneid,
    databaseUrl: database.href,
    stateUrl,
    accounts,
    citizens: returning,
  })
  try {
    const begun = performance.now()
    await loadAccounts(database.href, size, portal.clientId)
    const loadSeconds = round((performance.now() - begun) / 1000, 1)
    const [{ bytes } = { bytes: '0' }] = await query<{ bytes: string }>(
      database.href,
      'select pg_database_size(current_database()) as bytes',
    )
    console.log(`${size} accounts after ${loadSeconds} s`)
    const known = {
      loadSeconds,
      databaseMiB: round(Number(bytes) / 2 ** 20, 0),
      tablesReadWhole: await tablesReadWhole(database.href, portal.clientId),
    }
    return { size, database: database.href, contestant, known, turns: [] }
  } catch (error) {
    await contestant.child.close()
    throw error
  }
}

/** Uses every order as often as its reverse, and each size first equally often. */
function inTurn<T>(all: readonly T[], turn: number): T[] {
  const first = turn % all.length
  const order = [...all.slice(first), ...all.slice(0, first)]
  return Math.floor(turn / all.length) % 2 === 0 ? order : order.toReversed()
}

async function take(contestant: Contestant, turn: number, postgresPid: number): Promise<Turn> {
  const measured = async (citizens: readonly string[]): Promise<Part> => {
    const before = cpuOfServer(postgresPid)
    const result = await runRound({ ...contestant, citizens }, citizens.length)
    const postgresMs = (cpuOfServer(postgresPid) - before) / citizens.length
    return { ...result, logins: citizens.length, postgresMs }
  }
  const backOfTurn = logins - newcomersOfTurn
  const back = Array.from({ length: backOfTurn }, (_, index) => {
    return returning[(turn * backOfTurn + index) % returning.length]!
  })
  const fresh = newcomers.slice(turn * newcomersOfTurn, (turn + 1) * newcomersOfTurn)
  return { returning: await measured(back), linking: await measured(fresh) }
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
