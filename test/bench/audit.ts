/**
 * `npm run bench:audit`: generates an audit log, covers it with checkpoints and verifies it, and measures the cost of a row's insert.
 *   --rows N     events of the log (1,000,000)
 *   --json FILE  every figure, plain keys
 */
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus as hardware, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { exportAudit } from '../../src/proof/export.ts'
import { publicAuditKeys } from '../../src/proof/keys.ts'
import { linesOf } from '../../src/proof/lines.ts'
import { createCheckpointer } from '../../src/proof/checkpointer.ts'
import { readPublicKeys } from '../../src/proof/checkpoint-header.ts'
import { type Verdict, verifyAudit } from '../../src/proof/verify.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { type Database, openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { startPostgres } from '../support/private-servers.ts'
import { median, round } from './measure.ts'

const method = [
  'The log is made by one statement per 10,000 events of three classes, each with its own subject, reference and detail, and',
  'covered by the checkpointer of the broker. Verified is what `audit verify` does, from the table to the verdict: rows are read,',
  'written as lines of an export, parsed, hashed, compared with the checkpoints, whose chain and signatures are checked; in this one',
  'process, without the HTTP between. The file is the same export, written and verified again. secondsPerMillion is the',
  'slower of the two; CPU is of this process alone. An insert is timed within the server, in a loop without commits, into',
  'the table as it is and into one as it was before partitions and checkpoints; rounds are interleaved, figures are medians.',
]

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, json: { type: 'string' } },
})
const rows = Number(values.rows)
if (!(rows > 0)) throw new TypeError('--rows above 0')
const batch = 10_000
const inserts = Math.min(20_000, rows)
const insertRounds = 5

const given = process.env['TEST_DATABASE_URL']
const postgres = given ? undefined : await startPostgres()
const server = given || postgres?.url
if (server === undefined) {
  console.log('skipped: PostgreSQL (not installed, not given)')
  process.exit()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const folder = mkdtempSync(join(tmpdir(), 'audit-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const name = `bench_${randomBytes(6).toString('hex')}`
const admin = new pg.Client({ connectionString: server })
await admin.connect()
await admin.query(`create database ${name}`)

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; cpuSeconds: number; result: T }> {
  const [begun, used] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const { user, system } = process.cpuUsage(used)
  return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6, result }
}

const make = (db: Database) => async () => {
  for (let made = 0; made < rows; made += batch)
    await db.query(
      `insert into audit_event (class, event, client_id, subject_id, actor, reference, detail)
       select (array['login', 'login', 'login', 'link', 'operator'])[1 + n % 5], 'login.completed', 'portal-' || n % 50,
         gen_random_uuid(), 'citizen', upper(left(md5(n::text), 10)),
         jsonb_build_object('kind', 'citizen', 'assurance_level', 2, 'sso', n % 2 = 0, 'auth_time', 1790000000 + n)
       from generate_series($1::int + 1, $2::int) n`,
      [made, Math.min(rows, made + batch)],
    )
}

const plain = `create table plain_event (
    id bigint generated always as identity primary key, at timestamptz not null default now(), event text not null,
    client_id text, subject_id uuid, actor text not null, reference text, detail jsonb not null default '{}');
  create index on plain_event (at);
  create index on plain_event (subject_id) where subject_id is not null;
  create index on plain_event (reference) where reference is not null;
  create index on plain_event (id) where event = 'link.refused';
  create index on plain_event (client_id, id) where event = 'link.refused'`

const insertLoop = (table: string, columns: string, constants: string) => `do $$ begin
  for n in 1..${inserts} loop
    insert into ${table} (${columns} event, client_id, subject_id, actor, reference, detail)
    select ${constants} e.event, e.client_id, e.subject_id, e.actor, e.reference, e.detail
    from jsonb_to_recordset('[{"event":"login.completed","client_id":"portal-1","actor":"citizen","reference":"K88FWTF37J",
      "subject_id":"6f2c8c1e-5f43-4b7f-9d52-0c8f3f4c7a11","detail":{"kind":"citizen","assurance_level":2,"sso":false}}]')
      as e(event text, client_id text, subject_id uuid, actor text, reference text, detail jsonb);
  end loop; end $$`

async function measureInserts(db: Database): Promise<{ now: number; before: number }> {
  const [now, before]: [number[], number[]] = [[], []]
  await db.script(plain)
  const micro = async (sql: string) => ((await timed(() => db.script(sql))).seconds / inserts) * 1e6
  for (let turn = 0; turn < insertRounds; turn++) {
    before.push(await micro(insertLoop('plain_event', '', '')))
    now.push(await micro(insertLoop('audit_event', 'class,', `'login',`)))
  }
  return { now: round(median(now), 2), before: round(median(before), 2) }
}

function check({ faults, rows: seen, uncovered }: Verdict): void {
  if (faults.length > 0 || seen < rows || uncovered.rows > 1)
    throw new Error(`not verified: ${JSON.stringify({ faults: faults.slice(0, 5), seen, uncovered })}`)
}

const file = join(folder, 'audit.ndjson')
const db = await openDatabase({ url: Object.assign(new URL(server), { pathname: `/${name}` }).href })
try {
  await migrate(db)
  const made = await timed(make(db))
  await db.script('analyze audit_event')
  const checkpointer = createCheckpointer({
    db,
    seal: createSeal([randomBytes(32)], 'signing key'),
    log: createLog({ level: 'silent' }),
  })
  const covering = await timed(() => checkpointer.checkpoint(60_000))
  const keys = readPublicKeys(await publicAuditKeys(db))
  const verified = await timed(() => verifyAudit(linesOf(exportAudit(db, {})), { keys }))
  check(verified.result)
  await pipeline(Readable.from(exportAudit(db, {})), createWriteStream(file))
  const offline = await timed(() => verifyAudit(linesOf(createReadStream(file, 'utf8')), { keys }))
  check(offline.result)
  const insert = await measureInserts(db)

  const perMillion = (seconds: number) => round((seconds / rows) * 1e6)
  const figures = {
    secondsPerMillion: perMillion(Math.max(verified.seconds, offline.seconds)),
    verifySecondsPerMillion: perMillion(verified.seconds),
    offlineSecondsPerMillion: perMillion(offline.seconds),
    verifyCpuSecondsPerMillion: perMillion(verified.cpuSeconds),
    offlineCpuSecondsPerMillion: perMillion(offline.cpuSeconds),
    checkpointSecondsPerMillion: perMillion(covering.seconds),
    checkpointCpuSecondsPerMillion: perMillion(covering.cpuSeconds),
    insertMicroseconds: insert.now,
    insertMicrosecondsBefore: insert.before,
    peakRssMb: round(process.resourceUsage().maxRSS / 1024, 0),
    rows,
    checkpoints: verified.result.checkpoints,
  }
  const run = {
    node: process.version,
    cpu: hardware()[0]?.model ?? '',
    makeSeconds: round(made.seconds),
    fileMb: round(statSync(file).size / 2 ** 20, 1),
    loadAverage: loadavg().map((load) => round(load, 1)),
  }
  console.log(`\nNode ${run.node}, ${run.cpu}; load ${run.loadAverage.join(' ')}`)
  for (const line of method) console.log(`  ${line}`)
  console.log('')
  for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(26)} ${value}`)
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ ...figures, run, method: method.join(' ') }, null, 2)}\n`)
} finally {
  await db.close()
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.end()
  await postgres?.stop()
}
