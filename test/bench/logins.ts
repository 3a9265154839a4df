/**
 * `npm run bench`: complete logins through the broker and, in the same run, through the bare engine.
 *   --logins N   logins of one round (200)         --stores embedded|server|both (both)
 *   --rounds N   rounds, interleaved (20)          --json FILE  every figure, plain keys
 *   --profile    afterwards, a CPU profile of the broker
 */
import { writeFileSync } from 'node:fs'
import { cpus as hardware } from 'node:os'
import { parseArgs } from 'node:util'
import { cpus, stepAside } from './child.ts'
import { findServers, openBare, openBroker, openVneid, type Servers } from './contestants.ts'
import {
  type Contestant,
  countTrips,
  type Figures,
  measureMemory,
  round,
  runRound,
  summarise,
  warmUp,
} from './measure.ts'
import { profile } from './profile.ts'
import { method, print } from './report.ts'

const { values } = parseArgs({
  options: {
    logins: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '20' },
    stores: { type: 'string', default: 'both' },
    json: { type: 'string' },
    profile: { type: 'boolean', default: false },
  },
})
const logins = Number(values.logins)
const rounds = Number(values.rounds)
if (!['embedded', 'server', 'both'].includes(values.stores) || !(logins > 0) || !(rounds > 0)) {
  throw new TypeError('--stores embedded|server|both, --logins and --rounds above 0')
}

stepAside()
// Children end with this process; the servers' folders are removed when it exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const open: { close(): Promise<void> }[] = []
const kept = <T extends { close(): Promise<void> }>(opened: T): T => {
  open.unshift(opened)
  return opened
}
const results: Record<string, Figures> = {}
try {
  const vneid = kept(await openVneid())
  if (values.stores !== 'embedded') {
    const servers = await findServers()
    if (servers === undefined) console.log('skipped: Redis + PostgreSQL (not installed, not given)')
    else {
      kept(servers)
      await compete(
        [
          await openBroker(vneid, servers),
          await openBare('bare', servers),
          await openBare('bareBrokered', servers, vneid),
        ],
        servers,
      )
    }
  }
  if (values.stores !== 'server') await compete([await openBroker(vneid), await openBare('bareEmbedded', {})])
} finally {
  for (const one of open) await one.close()
}

const { server, embedded, bare, bareBrokered, bareEmbedded } = results
const ratio = (
  ours: Figures | undefined,
  theirs: Figures | undefined,
  figure: 'cpuMs' | 'cpuMsBest' | 'instructionsMi' = 'cpuMs',
) => (ours?.[figure] && theirs?.[figure] ? round(ours[figure] / theirs[figure], 3) : null)
const ratios = {
  engineRatio: ratio(server, bareBrokered),
  engineRatioOfBestRounds: ratio(server, bareBrokered, 'cpuMsBest'),
  engineRatioWithoutTrip: ratio(server, bare),
  embeddedEngineRatioWithoutTrip: ratio(embedded, bareEmbedded),
  instructionRatio: ratio(server, bareBrokered, 'instructionsMi'),
  instructionRatioWithoutTrip: ratio(server, bare, 'instructionsMi'),
}
const run = {
  node: process.version,
  cpu: hardware()[0]?.model ?? '',
  pinned: cpus !== undefined,
  logins,
  rounds,
}
print({ ratios, results, run })
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ ...ratios, ...results, run, method }, null, 2)}\n`)

/** @param contestants the first is the broker */
async function compete(contestants: readonly Contestant[], servers?: Servers): Promise<void> {
  const closing = contestants.map(({ child }) => kept(child))
  for (const contestant of contestants) await warmUp(contestant, Math.min(3000, logins * 15))
  const trips = new Map<Contestant, Awaited<ReturnType<typeof countTrips>>>()
  for (const contestant of contestants) trips.set(contestant, await countTrips(contestant))
  const ours = contestants[0]!
  const memory = await measureMemory(ours, Math.min(3000, logins * 15), async () => servers?.redisBytes())

  const seen = new Map(
    contestants.map((contestant) => [contestant, [] as Awaited<ReturnType<typeof runRound>>[]]),
  )
  for (let turn = 0; turn < rounds; turn++) {
    for (const contestant of contestants) seen.get(contestant)?.push(await runRound(contestant, logins))
  }
  for (const [contestant, all] of seen) results[contestant.name] = summarise(all, trips.get(contestant)!)
  results[ours.name]!.memoryPer10000Sessions = memory
  if (values.profile) for (const contestant of contestants) await profile(contestant, logins)
  for (const child of closing) {
    open.splice(open.indexOf(child), 1)
    await child.close()
  }
}
