/** Printed commands that are not ours: curl, jq, PostgreSQL's and Redis's tools, openssl, and SQL. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres, startRedis } from '../../private-servers.ts'
import { atEnd } from '../../at-end.ts'
import type { Stage, Step } from '../story.ts'

/** The line with the world's addresses in place of the printed ones. */
const at = (stage: Stage, printed: string) =>
  printed.replace(/http:\/\/(127\.0\.0\.1|NODE):3001/, stage.world.operationsUrl)

const curl = (line: string, prints: RegExp): Step => ({ line, runs: (stage) => at(stage, line), prints })
const sql = (line: string): Step => ({
  line,
  runs: ({ world }) => `psql -At "${world.config.database.url}" -c "${line}"`,
  prints: /^/,
})
const jq = (line: string, prints: RegExp): Step => ({
  line,
  before: async ({ world, folder }) => {
    await fetch(`${world.issuer}/callback?code=1&state=2`)
    await fetch(`${world.issuer}/token`, { method: 'POST', body: new URLSearchParams({ client_id: 'none' }) })
    const chore = { event: 'housekeeping.failed', chore: 'retention', err: { message: 'no space' } }
    writeFileSync(join(folder, 'broker.log'), `${world.logLines.join('')}${JSON.stringify(chore)}\n`)
  },
  runs: () => line,
  prints,
})

const ready = 'curl -s http://127.0.0.1:3001/health/ready'
const wrap =
  'openssl rand 32 | openssl pkeyutl -encrypt -pubin -inkey ring.pub -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 | base64 -w0'
const unwrap =
  'KEY_COMMAND=/usr/bin/openssl pkeyutl -decrypt -inkey /run/secrets/ring.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256'

export const shellStory: readonly Step[] = [
  curl(ready, /"ok"|ready/),
  curl('curl -s http://NODE:3001/health/ready', /"ok"|ready/),
  curl('curl -s http://NODE:3001/health/live', /\S/),
  curl(
    "curl -s http://127.0.0.1:3001/metrics | grep -E '^(dependency_up|logins_total|failures_total)'",
    /^dependency_up\{/m,
  ),
  jq(
    `jq -r 'select(.event == "request.failed") | [.failure, .detail] | @tsv' broker.log | sort | uniq -c | sort -rn | head`,
    /interaction_gone|upstream_state|request_invalid/,
  ),
  jq(
    `jq -r 'select(.event | test("refused$")) | [.client, .oauth, .why] | @tsv' broker.log | sort | uniq -c | sort -rn | head`,
    /\S/,
  ),
  jq(
    `jq -r 'select(.event == "housekeeping.failed") | [.chore, .err.message] | @tsv' broker.log | sort | uniq -c`,
    /1 retention\tno space/,
  ),
  sql("select * from pg_stat_activity where state = 'active'"),
  sql(
    "select pid, state, wait_event_type, now() - query_start, left(query, 80) from pg_stat_activity where state <> 'idle' order by 4 desc",
  ),
  sql(
    "select pid, now() - xact_start, left(query, 80) from pg_stat_activity where xact_start < now() - interval '10 minutes'",
  ),
  {
    line: wrap,
    before: ({ folder }) => {
      const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
      writeFileSync(join(folder, 'ring.pub'), keys.publicKey.export({ type: 'spki', format: 'pem' }))
      writeFileSync(join(folder, 'ring.pem'), keys.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    },
    runs: () => wrap,
    prints: /^[A-Za-z0-9+/]{342}==$/,
    after: (out, { folder }) => writeFileSync(join(folder, 'wrapped'), Buffer.from(out, 'base64')),
  },
  {
    line: unwrap,
    runs: ({ folder }) =>
      `${unwrap.replace('KEY_COMMAND=/usr/bin/', '').replace('/run/secrets', folder)} < wrapped | wc -c`,
    prints: /^32\n$/,
  },
  {
    line: 'pg_dump -Fc -f broker.dump "$DATABASE_URL"',
    runs: ({ world }) =>
      `DATABASE_URL=${world.config.database.url}; pg_dump -Fc -f broker.dump "$DATABASE_URL"`,
    prints: /^$/,
  },
  {
    line: 'createdb -h NEW -U postgres broker',
    before: async ({ facts }) => {
      const [server, redis] = [(await startPostgres())!, (await startRedis())!]
      atEnd(() => Promise.all([server.stop(), redis.stop()]))
      Object.assign(facts, { port: new URL(server.url).port, STATE_URL: redis.url })
    },
    runs: ({ facts }) => `createdb -h 127.0.0.1 -p ${facts['port']} -U postgres broker`,
    prints: /^$/,
  },
  {
    line: 'pg_restore --no-owner --no-privileges --exit-on-error -d postgres://postgres@NEW/broker broker.dump',
    runs: ({ facts }) =>
      `pg_restore --no-owner --no-privileges --exit-on-error -d postgres://postgres@127.0.0.1:${facts['port']}/broker broker.dump`,
    prints: /^$/,
  },
  {
    line: 'redis-cli -u "$STATE_URL" flushdb',
    runs: ({ facts }) => `STATE_URL=${facts['STATE_URL']}; redis-cli -u "$STATE_URL" flushdb`,
    prints: /^OK\n$/,
  },
  {
    line: 'redis-cli --latency',
    runs: ({ facts }) => `redis-cli -u ${facts['STATE_URL']} --latency`,
    prints: /^\d+ \d+ [\d.]+ \d+\n$/,
  },
  {
    line: 'redis-cli slowlog get 10',
    runs: ({ facts }) => `redis-cli -u ${facts['STATE_URL']} slowlog get 10`,
    prints: /^/,
  },
  { line: 'npm run --silent sbom', runs: () => 'npm run --silent sbom', prints: /"bomFormat": "CycloneDX"/ },
]
