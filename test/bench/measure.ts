/** Runs one round of one contestant, and summarises rounds. */
import { logInMany, type Target } from './browser.ts'
import { type Child, countInstructions } from './child.ts'
import type { Reading } from './measured.ts'

export interface Contestant {
  readonly name: string
  readonly child: Child
  readonly target: Target
  readonly citizens: readonly string[]
}

/** Per login, unless the name says otherwise. */
export interface Round {
  readonly loginsPerSecond: number
  readonly cpuMs: number
  readonly instructionsMi: number | undefined
  readonly httpRequests: number
  readonly latencies: readonly number[]
}

export interface Figures {
  readonly loginsPerSecond: number
  /** Of a complete login. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** User and system time of the contestant's process, median of the rounds. */
  readonly cpuMs: number
  readonly cpuMsBest: number
  readonly cpuMsRounds: readonly number[]
  /** Millions, user and kernel; null if perf cannot count. */
  readonly instructionsMi: number | null
  readonly httpRequests: number
  readonly stateRoundTrips: number
  readonly sqlRoundTrips: number
  memoryPer10000Sessions?: {
    readonly heapMiB: number
    readonly redisMiB: number | null
    readonly measuredOn: number
    /** Of the whole process before and after those, not scaled: mostly V8's young generation. */
    readonly rssBeforeMiB: number
    readonly rssAfterMiB: number
  }
}

const width = 8

export const warmUp = ({ target, citizens }: Contestant, logins: number): Promise<unknown> =>
  logInMany(target, { logins, width, citizens })

export async function runRound({ child, target, citizens }: Contestant, logins: number): Promise<Round> {
  const counted = await countInstructions(child.pid)
  const before = await child.ask<Reading>('read')
  const { seconds, latencies } = await logInMany(target, { logins, width, citizens })
  const after = await child.ask<Reading>('read')
  const instructions = await counted()
  return {
    loginsPerSecond: logins / seconds,
    cpuMs: (after.cpuMs - before.cpuMs) / logins,
    instructionsMi: instructions && instructions / logins / 1e6,
    httpRequests: (after.requests - before.requests) / logins,
    latencies,
  }
}

/** Logins one at a time, each between two readings, so that the broker's own periodic work does not change the median. */
export async function countTrips({
  child,
  target,
  citizens,
}: Contestant): Promise<{ state: number; sql: number }> {
  const seen: { state: number; sql: number }[] = []
  for (const citizen of citizens.slice(0, 9)) {
    const before = await child.ask<Reading>('read')
    await logInMany(target, { logins: 1, width: 1, citizens: [citizen] })
    const after = await child.ask<Reading>('read')
    seen.push({ state: after.stateTrips - before.stateTrips, sql: after.sqlTrips - before.sqlTrips })
  }
  return { state: median(seen.map(({ state }) => state)), sql: median(seen.map(({ sql }) => sql)) }
}

/** Memory that `sessions` more citizens use right after their login, scaled to 10,000. */
export async function measureMemory(
  { child, target, citizens }: Contestant,
  sessions: number,
  redisBytes: () => Promise<number | undefined>,
): Promise<NonNullable<Figures['memoryPer10000Sessions']>> {
  const [before, redisBefore] = [await child.ask<Reading>('settle'), await redisBytes()]
  await logInMany(target, { logins: sessions, width, citizens })
  const [after, redisAfter] = [await child.ask<Reading>('settle'), await redisBytes()]
  const scaled = (bytes: number) => round((bytes / sessions) * (10_000 / 2 ** 20), 1)
  return {
    heapMiB: scaled(after.heap - before.heap),
    redisMiB: redisBefore === undefined || redisAfter === undefined ? null : scaled(redisAfter - redisBefore),
    measuredOn: sessions,
    rssBeforeMiB: round(before.rss / 2 ** 20, 0),
    rssAfterMiB: round(after.rss / 2 ** 20, 0),
  }
}

export function summarise(rounds: readonly Round[], trips: { state: number; sql: number }): Figures {
  const over = (figure: (one: Round) => number) => median(rounds.map(figure))
  const latencies = rounds.flatMap((one) => one.latencies).toSorted((a, b) => a - b)
  const quantile = (share: number) => round(latencies[Math.ceil(latencies.length * share) - 1] ?? 0, 1)
  const instructions = rounds.map(({ instructionsMi }) => instructionsMi).filter((one) => one !== undefined)
  return {
    loginsPerSecond: round(
      over((one) => one.loginsPerSecond),
      1,
    ),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    cpuMs: round(over((one) => one.cpuMs)),
    cpuMsBest: round(Math.min(...rounds.map((one) => one.cpuMs))),
    cpuMsRounds: rounds.map((one) => round(one.cpuMs)),
    instructionsMi: instructions.length === 0 ? null : round(median(instructions)),
    httpRequests: over((one) => one.httpRequests),
    stateRoundTrips: trips.state,
    sqlRoundTrips: trips.sql,
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
}

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits))
