/** Prints the figures and the method. */
import type { Figures } from './measure.ts'

export const method = [
  'A login is authorize → VNeID → callback → code → token → userinfo, each in a new browser, over kept connections;',
  'eight at a time, the next begins when one has ended. Broker, bare engine, simulator and driver are processes of their',
  'own; where taskset is there, broker and engine run on one CPU and everything else on another. The broker logs every',
  'request at level info to /dev/null. Rounds of all contestants are interleaved after a warm-up; figures are medians of',
  'the rounds, latencies are of all logins together. CPU is user and system time of the whole process.',
  'Round trips are medians of logins made one at a time. Memory is what citizens who have just signed in leave behind',
  'after a forced collection (code, token, grant, session), scaled to 10,000.',
  'server: broker, Redis + PostgreSQL. embedded: broker, PGlite on disk + state in the process.',
  'bare: oidc-provider with an auto-approving interaction, no VNeID; on Redis in its documented shape. bareBrokered: the',
  'same engine going to the same VNeID with openid-client. bareEmbedded: bare on a Map.',
]

const meanings: Record<string, string> = {
  engineRatio:
    'server ÷ bareBrokered, CPU per login: the same brokered login with and without mapping, policy, audit, sealing',
  engineRatioOfBestRounds: 'the same, of the least disturbed round of each',
  engineRatioWithoutTrip:
    'server ÷ bare, CPU per login: bare never goes to VNeID, so this counts the trip as ours',
  embeddedEngineRatioWithoutTrip: 'embedded ÷ bareEmbedded, CPU per login',
  instructionRatio: 'server ÷ bareBrokered, instructions per login',
  instructionRatioWithoutTrip: 'server ÷ bare, instructions per login',
}

interface Report {
  ratios: Record<string, number | null>
  results: Record<string, Figures>
  run: { node: string; cpu: string; pinned: boolean; logins: number; rounds: number }
}

export function print({ ratios, results, run }: Report): void {
  const pinned = run.pinned ? 'pinned by taskset' : 'not pinned'
  console.log(`\nNode ${run.node}, ${run.cpu}, ${pinned}; ${run.rounds} rounds of ${run.logins} logins`)
  for (const line of method) console.log(`  ${line}`)
  console.log('')
  row('', ['logins/s', 'p50 ms', 'p99 ms', 'CPU ms', '(best)', 'Minstr', 'HTTP', 'state', 'SQL'])
  for (const [name, one] of Object.entries(results)) {
    row(name, [
      one.loginsPerSecond,
      one.p50Ms,
      one.p99Ms,
      one.cpuMs,
      one.cpuMsBest,
      one.instructionsMi,
      one.httpRequests,
      one.stateRoundTrips,
      one.sqlRoundTrips,
    ])
  }
  console.log('  (CPU, instructions, HTTP requests and round trips: at the broker or engine, per login)\n')
  for (const [name, { memoryPer10000Sessions: memory }] of Object.entries(results)) {
    if (memory === undefined) continue
    const heap = memory.heapMiB > 0 ? `${memory.heapMiB} MiB of heap` : 'no heap beyond its noise'
    const redis = memory.redisMiB === null ? '' : `, Redis ${memory.redisMiB} MiB`
    console.log(
      `  ${name}: 10,000 live sessions take ${heap}${redis}`,
      `(measured on ${memory.measuredOn}, process RSS ${memory.rssBeforeMiB} → ${memory.rssAfterMiB} MiB)`,
    )
  }
  for (const [name, value] of Object.entries(ratios)) {
    if (value !== null) console.log(`  ${name} ${value}  ${meanings[name]}`)
  }
}

function row(name: string, cells: readonly (string | number | null)[]): void {
  console.log(`  ${name.padEnd(13)}${cells.map((cell) => String(cell ?? '–').padStart(9)).join('')}`)
}
