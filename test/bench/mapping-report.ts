/** Prints the cost of a login with few and with many legacy accounts, and the method. */
import { median, round, type Round } from './measure.ts'

/** CPU milliseconds per login. */
interface Cost {
  readonly brokerMs: number
  readonly postgresMs: number
  readonly bothMs: number
}
/** The cost of one turn of one size: returning citizens, and newcomers who are linked. */
export interface Turn {
  readonly returning: Part
  readonly linking: Part
}
export interface Part extends Round {
  readonly logins: number
  readonly postgresMs: number
}
export interface SizeFigures extends Cost {
  readonly accounts: number
  readonly returning: Cost
  readonly linking: Cost
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bothMsTurns: readonly number[]
  readonly sqlRoundTrips: number
  readonly loadSeconds: number
  readonly databaseMiB: number
  /** `statement: table` that PostgreSQL would read completely. */
  readonly tablesReadWhole: readonly string[]
}

export const method = [
  'One broker, its database and one portal per size; all on one private PostgreSQL and one Redis, as npm run bench.',
  'The database is filled by PostgreSQL with made-up accounts, three in four of them the portal’s, one in nine linked,',
  'one in eighty with a case; among them, anywhere, the imported accounts of those who sign in. Everyone signs in in a',
  'new browser, eight at a time. In every turn three logins of four are of citizens who came before (every second has',
  'an account, linked), one is of a newcomer whose account is linked at that login. Turns of all sizes are interleaved,',
  'each in another order; figures are medians of the turns. CPU is user and system time: of the broker’s process, and of',
  'PostgreSQL’s with all its children. Autovacuum and checkpoints wait meanwhile; PostgreSQL has its default 128 MB of',
  'shared buffers, so what a larger table costs beyond them is counted.',
]

const parts = (turn: Turn) => [turn.returning, turn.linking]
const brokerMs = (some: readonly Part[]) => weighed(some, ({ cpuMs }) => cpuMs)
const postgresMs = (some: readonly Part[]) => weighed(some, (part) => part.postgresMs)
const weighed = (some: readonly Part[], figure: (part: Part) => number) =>
  some.reduce((sum, part) => sum + figure(part) * part.logins, 0) /
  some.reduce((sum, { logins }) => sum + logins, 0)

export function summarise(
  turns: readonly Turn[],
): Omit<SizeFigures, 'accounts' | 'sqlRoundTrips' | 'loadSeconds' | 'databaseMiB' | 'tablesReadWhole'> {
  const costOf = (pick: (turn: Turn) => readonly Part[]): Cost => {
    const over = (figure: (some: readonly Part[]) => number) => round(median(turns.map(pick).map(figure)), 3)
    return {
      brokerMs: over(brokerMs),
      postgresMs: over(postgresMs),
      bothMs: over((some) => brokerMs(some) + postgresMs(some)),
    }
  }
  const latencies = turns.flatMap(parts).flatMap((part) => part.latencies)
  const sorted = latencies.toSorted((a, b) => a - b)
  const quantile = (share: number) => round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0, 1)
  return {
    ...costOf(parts),
    returning: costOf(({ returning }) => [returning]),
    linking: costOf(({ linking }) => [linking]),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    bothMsTurns: turns.map(parts).map((some) => round(brokerMs(some) + postgresMs(some))),
  }
}

/** The largest ÷ the smallest. @param sizes ascending */
export function ratiosOf(sizes: readonly SizeFigures[]) {
  const ratio = (figure: (one: SizeFigures) => number) =>
    round(figure(sizes.at(-1)!) / Math.max(figure(sizes[0]!), Number.EPSILON), 3)
  return {
    growthRatio: ratio((one) => one.bothMs),
    brokerGrowthRatio: ratio((one) => one.brokerMs),
    postgresGrowthRatio: ratio((one) => one.postgresMs),
    returningGrowthRatio: ratio((one) => one.returning.bothMs),
    linkingGrowthRatio: ratio((one) => one.linking.bothMs),
  }
}

export function print(
  ratios: ReturnType<typeof ratiosOf>,
  sizes: readonly SizeFigures[],
  run: { node: string; cpu: string; pinned: boolean; logins: number; rounds: number },
): void {
  const pinned = run.pinned ? 'pinned by taskset' : 'not pinned'
  console.log(`\nNode ${run.node}, ${run.cpu}, ${pinned}; ${run.rounds} turns of ${run.logins} logins`)
  for (const line of method) console.log(`  ${line}`)
  console.log('\n  CPU ms per login: all (returning, linking)')
  for (const one of sizes) {
    const cost = (name: keyof Cost) =>
      `${one[name]} (${one.returning[name]}, ${one.linking[name]})`.padEnd(23)
    console.log(
      `  ${one.accounts.toLocaleString('en').padStart(11)} accounts: both ${cost('bothMs')}`,
      `broker ${cost('brokerMs')} PostgreSQL ${cost('postgresMs')} p50 ${one.p50Ms} ms, p99 ${one.p99Ms} ms`,
    )
  }
  for (const one of sizes) {
    const whole = one.tablesReadWhole.length === 0 ? 'none' : one.tablesReadWhole.join(', ')
    console.log(
      `  ${one.accounts.toLocaleString('en').padStart(11)} accounts: ${one.databaseMiB} MiB, loaded in`,
      `${one.loadSeconds} s; ${one.sqlRoundTrips} SQL round trips; tables read whole: ${whole}`,
    )
  }
  for (const [name, value] of Object.entries(ratios)) console.log(`  ${name} ${value}`)
}
