/**
 * `npm run bench:hostile`: the latency of logins while one connection sends the heaviest requests that are accepted.
 *   --logins N   logins of one round (50)        --stores embedded|server (server where it is installed)
 *   --rounds N   rounds, interleaved (6)         --json FILE  every figure, plain keys
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { logInMany } from './browser.ts'
import { stepAside } from './child.ts'
import { findServers, openBroker, openVneid } from './contestants.ts'
import { type Attack, attacksOn, openAttacker } from './hostile-requests.ts'
import { round, warmUp } from './measure.ts'

const method = [
  'One citizen after another signs in (authorize → VNeID → callback → code → token → userinfo), each in a new browser.',
  'Meanwhile one connection sends the same request again and again, the next one when the answer has arrived, from the',
  'same address as the browsers. Rounds without and with each attack are interleaved after a warm-up. Latencies of all',
  'rounds of a kind are pooled. The broker runs on one CPU, everything else on another where taskset exists.',
  'hostileRatio: the worst attack’s p99 latency of a login ÷ the p99 without an attack.',
]

const { values } = parseArgs({
  options: {
    logins: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '6' },
    stores: { type: 'string' },
    json: { type: 'string' },
  },
})
const logins = Number(values.logins)
const rounds = Number(values.rounds)
if (![undefined, 'embedded', 'server'].includes(values.stores) || !(logins > 0) || !(rounds > 0))
  throw new TypeError('--stores embedded|server, --logins and --rounds above 0')

stepAside()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const servers = values.stores === 'embedded' ? undefined : await findServers()
if (values.stores === 'server' && servers === undefined)
  throw new Error('Redis and PostgreSQL are neither given nor installed')
const vneid = await openVneid()
const broker = await openBroker(vneid, servers)
try {
  await warmUp(broker, Math.min(500, logins * 10))
  const attacks = attacksOn(broker.target)
  const latencies = new Map<Attack | undefined, number[]>()
  const sent = new Map<Attack, number>()
  for (let turn = 0; turn < rounds; turn++) {
    for (const attack of [undefined, ...attacks]) {
      const attacker = attack && openAttacker(attack)
      const seen = await logInMany(broker.target, { logins, width: 1, citizens: broker.citizens })
      if (attack) sent.set(attack, (sent.get(attack) ?? 0) + (await attacker!.stop()))
      latencies.set(attack, [...(latencies.get(attack) ?? []), ...seen.latencies])
    }
  }
  print(latencies, sent)
} finally {
  await broker.child.close()
  await vneid.close()
  await servers?.close()
}

function print(
  latencies: ReadonlyMap<Attack | undefined, number[]>,
  sent: ReadonlyMap<Attack, number>,
): void {
  const quantile = (attack: Attack | undefined, share: number) => {
    const sorted = latencies.get(attack)!.toSorted((a, b) => a - b)
    return round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0, 1)
  }
  const quiet = { p50Ms: quantile(undefined, 0.5), p99Ms: quantile(undefined, 0.99) }
  const figures = [...sent].map(([attack, requests]) => ({
    attack: attack.name,
    requests,
    p50Ms: quantile(attack, 0.5),
    p99Ms: quantile(attack, 0.99),
    ratio: round(quantile(attack, 0.99) / quiet.p99Ms),
  }))
  const hostileRatio = Math.max(...figures.map(({ ratio }) => ratio))

  for (const line of method) console.log(line)
  const stores = servers ? 'Redis + PostgreSQL' : 'embedded'
  console.log(`\n${stores}, ${rounds} rounds of ${logins} logins; milliseconds of a login\n`)
  console.log(`  ${'no attack'.padEnd(44)} p50 ${quiet.p50Ms}, p99 ${quiet.p99Ms}`)
  for (const { attack, requests, p50Ms, p99Ms, ratio } of figures)
    console.log(`  ${attack.padEnd(44)} p50 ${p50Ms}, p99 ${p99Ms}, ratio ${ratio} (${requests} requests)`)
  console.log(`\n  hostileRatio ${hostileRatio}`)
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify({ hostileRatio, quiet, attacks: figures, method }, null, 2)}\n`,
    )
}
