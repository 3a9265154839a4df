/**
 * `npm run bench:import`: imports a portal's file into the table of legacy accounts and, in the same run, loads the resulting
 * rows with PostgreSQL's own `\copy`.
 *   --rows N     rows of the file (1,000,000)     --rounds N   of each, interleaved (2)
 *   --json FILE  every figure, plain keys
 */
import { execFile, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus as hardware, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import pg from 'pg'
import { putClient } from '../../src/store/clients.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { findBinary, startPostgres } from '../support/private-servers.ts'
import { cpus, stepAside } from './child.ts'
import type { ImportOrder, ImportReading } from './import-process.ts'
import { writeRows } from './import-rows.ts'
import { median, round } from './measure.ts'

const method = [
  'The file is CSV of twelve columns, made up on the spot. An import is timed from its order to its report, in a',
  'process of its own that works as production does: its main thread records, a thread with the limits of',
  '`src/imports/thread.ts` reads, cleans, seals and writes. Peak RSS (VmHWM) and CPU are of that whole process.',
  'The copy is `psql \\copy` in text format of the rows that an import has left, sealed already, into the same table with',
  'the same indexes and triggers. Each begins in a new database from one migrated template, after a checkpoint; rounds',
  'are interleaved, figures are medians. The rerun is the same file again: every row is read, cleaned and found unchanged.',
  'Where taskset is there, import and psql run on one CPU, and the server, where it is ours, on another.',
]

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
})
const [rows, rounds] = [Number(values.rows), Number(values.rounds)]
if (!(rows > 0) || !(rounds > 0)) throw new TypeError('--rows and --rounds above 0')

stepAside()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const psql = findBinary('psql')
const given = process.env['TEST_DATABASE_URL']
const postgres = given || psql === undefined ? undefined : await startPostgres()
const server = given || postgres?.url
if (psql === undefined || server === undefined) {
  console.log('skipped: PostgreSQL and psql (not installed, not given)')
  process.exit()
}
const folder = mkdtempSync(join(tmpdir(), 'import-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'accounts.csv')
const copied = join(folder, 'accounts.copy')

const clientId = 'bench'
const key = () => randomBytes(32).toString('base64url')
const keys = { index: key(), seal: key(), pairwise: key() }
const columns =
  `client_id, account_key, kind, state, identifier_type, identifier_key, hint_key, attested_on, created_by,
  last_used_on, province, classes, sealed, digest`.replaceAll('\n', '')
const pinned = (...command: string[]): [string, string[]] => {
  const [name = '', ...rest] = cpus === undefined ? command : ['taskset', '-c', String(cpus[0]), ...command]
  return [name, rest]
}
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href
const template = `bench_${randomBytes(6).toString('hex')}`
const made: string[] = []
const admin = new pg.Client({ connectionString: server })
await admin.connect()
const createDatabase = async (name: string, from = 'template0'): Promise<string> => {
  await admin.query(`create database ${name} template ${from}`)
  made.push(name)
  return urlOf(name)
}
/** Empties the tables and their statistics, and flushes earlier writes. */
const openRound = async (name: string): Promise<string> => {
  const url = await createDatabase(`${template}_${name}`, template)
  // This needs a privilege that a given server may refuse.
  await admin.query('checkpoint').catch(() => {})
  return url
}
const drop = (name: string) => admin.query(`drop database if exists ${name} with (force)`)

async function measureImport(databaseUrl: string): Promise<ImportReading> {
  const child = fork(new URL('./import-process.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  if (cpus !== undefined) await promisify(execFile)('taskset', ['-acp', String(cpus[0]), String(child.pid)])
  const gone = once(child, 'exit').then(() => Promise.reject(new Error('the import ended early')))
  gone.catch(() => {})
  child.send({ databaseUrl, clientId, file, keys } satisfies ImportOrder)
  const [reading] = (await Promise.race([once(child, 'message'), gone])) as [ImportReading]
  return reading
}

async function measureCopy(databaseUrl: string): Promise<number> {
  const begun = performance.now()
  const [name, rest] = pinned(psql!, '-X', '-q', databaseUrl, '-v', 'ON_ERROR_STOP=1')
  await promisify(execFile)(name, [...rest, '-c', `\\copy legacy_account (${columns}) from '${copied}'`])
  return (performance.now() - begun) / 1000
}

const [imports, copies]: [ImportReading[], number[]] = [[], []]
let rerun: ImportReading | undefined
try {
  const db = await openDatabase({ url: await createDatabase(template) })
  await migrate(db)
  await putClient(db, { id: clientId, metadata: {} })
  await db.close()
  await writeRows(file, rows)
  for (let turn = 0; turn < rounds; turn++) {
    const filled = await openRound(`import_${turn}`)
    imports.push(await measureImport(filled))
    if (turn === 0)
      await promisify(execFile)(psql, [
        '-X',
        '-q',
        filled,
        '-c',
        `\\copy legacy_account (${columns}) to '${copied}'`,
      ])
    if (turn === rounds - 1) rerun = await measureImport(filled)
    await drop(`${template}_import_${turn}`)
    copies.push(await measureCopy(await openRound(`copy_${turn}`)))
    await drop(`${template}_copy_${turn}`)
  }
} finally {
  for (const name of made) await drop(name).catch(() => {})
  await admin.end()
  await postgres?.stop()
}

for (const { summary } of imports)
  if (summary.results.accepted !== rows) throw new Error(`not all were accepted: ${JSON.stringify(summary)}`)
if (rerun?.summary.results.unchanged !== rows)
  throw new Error(`not all were unchanged: ${JSON.stringify(rerun)}`)
const rate = (seconds: number) => round(rows / seconds, 0)
const seconds = median(imports.map((one) => one.seconds))
const figures = {
  copyRatio: round(median(copies) / seconds, 3),
  peakRssMb: round(Math.max(...[...imports, rerun].map((one) => one.peakRssMb)), 1),
  rowsPerSecond: rate(seconds),
  copyRowsPerSecond: rate(median(copies)),
  rerunRowsPerSecond: rate(rerun.seconds),
  rows,
  cpuMs: round(median(imports.map((one) => one.cpuMs)), 0),
  rerunCpuMs: round(rerun.cpuMs, 0),
}
const run = {
  node: process.version,
  cpu: hardware()[0]?.model ?? '',
  pinned: cpus !== undefined,
  rounds,
  fileMb: round(statSync(file).size / 2 ** 20, 1),
  importSeconds: imports.map((one) => round(one.seconds)),
  copySeconds: copies.map((one) => round(one)),
  peakRssMbRounds: imports.map((one) => round(one.peakRssMb, 1)),
  loadAverage: loadavg().map((load) => round(load, 1)),
}
console.log(
  `\nNode ${run.node}, ${run.cpu}, ${run.pinned ? 'pinned by taskset' : 'not pinned'}; load ${run.loadAverage.join(' ')}`,
)
for (const line of method) console.log(`  ${line}`)
console.log(`
  ${rows} rows, ${run.fileMb} MiB, ${rounds} rounds of each
  import   ${figures.rowsPerSecond} rows/s  ${run.importSeconds.join(' ')} s, CPU ${figures.cpuMs} ms, peak RSS ${figures.peakRssMb} MiB
  \\copy    ${figures.copyRowsPerSecond} rows/s  ${run.copySeconds.join(' ')} s
  again    ${figures.rerunRowsPerSecond} rows/s, CPU ${figures.rerunCpuMs} ms
  copyRatio ${figures.copyRatio}  import ÷ \\copy, rows per second`)
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ ...figures, run, method }, null, 2)}\n`)
