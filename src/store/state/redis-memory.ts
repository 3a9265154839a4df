/** Watches the memory of Redis. It is read now and then, because writes must not wait for it. */
import type { Redis } from 'ioredis'
import { stateBytes } from '../../telemetry/metrics.ts'
import { repeat } from '../repeat.ts'
import { shareForBeginnings } from './state.ts'

/** Milliseconds. */
const period = 2_000

/** @param servers those that take writes */
export function watchMemory(servers: () => readonly Redis[]): {
  /** Whether a server has used the share of its `maxmemory` that new sign-ins may use. */
  isNearlyFull(): boolean
  end(): Promise<void>
} {
  let isNearlyFull = false
  async function look(): Promise<void> {
    // Readiness reports a server that does not answer.
    const answers = await Promise.all(servers().map((server) => server.info('memory').catch(() => '')))
    const limited = answers
      .map((text) => ({ held: figureIn(text, 'used_memory'), limit: figureIn(text, 'maxmemory') }))
      .filter(({ limit }) => limit > 0)
    isNearlyFull = limited.some(({ held, limit }) => held > limit * shareForBeginnings)
    const [fullest] = limited.toSorted((one, other) => other.held / other.limit - one.held / one.limit)
    if (fullest === undefined) return
    stateBytes.set({ state: 'held' }, fullest.held)
    stateBytes.set({ state: 'limit' }, fullest.limit)
  }
  return { isNearlyFull: () => isNearlyFull, end: repeat(period, look) }
}

const figureIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0)
