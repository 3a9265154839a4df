/**
 * Counts per minute, without a trip per request: each node counts in its own memory, and about once a second what
 * has been added goes to the shared state in one round trip, which answers with the sums of all nodes. While the
 * state is away each node goes on by its own count. A budget is a sliding minute: what is left of the last one,
 * and this one.
 */
import { repeat } from '../store/repeat.ts'
import type { Addition, State } from '../store/state/state.ts'

const minute = 60_000
/** Additions per trip; the rest waits for the next. */
const mostAdditions = 5_000
/** A node tells the others of a key once it alone has seen this part of its budget. */
const telling = 1 / 16

interface Tally {
  /** What all nodes had told when we last asked, with what we had told ourselves. */
  sum: number
  /** Ours, not told yet. */
  delta: number
}

export interface Standing {
  readonly isSpent: boolean
  readonly remaining: number
  /** Seconds until there is room again; where there is, until the minute is over. */
  readonly reset: number
}

export interface Limiter {
  standing(key: string, budget: number): Standing
  add(key: string, budget: number): void
  /** Tells and asks now. */
  flush(): Promise<void>
  close(): void
}

/** @param most keys held of one minute; beyond it the eldest are forgotten, and with them their count */
export function createLimiter({
  state,
  most = 200_000,
  period = 1_000,
  now = Date.now,
}: {
  state: Pick<State, 'add'>
  most?: number
  period?: number
  now?: () => number
}): Limiter {
  let index = Math.floor(now() / minute)
  let current = new Map<string, Tally>()
  let previous = new Map<string, Tally>()
  const untold = new Map<string, Tally>()

  const roll = () => {
    const at = Math.floor(now() / minute)
    if (at === index) return
    previous = at === index + 1 ? current : new Map()
    current = new Map()
    index = at
  }
  const countOf = (tally: Tally | undefined) => (tally === undefined ? 0 : tally.sum + tally.delta)

  async function flush(): Promise<void> {
    const told: [string, Tally, Addition][] = []
    for (const [key, tally] of untold) {
      told.push([key, tally, { key, by: tally.delta, ttl: 150 }])
      if (told.length === mostAdditions) break
    }
    if (told.length === 0) return
    for (const [key] of told) untold.delete(key)
    try {
      const sums = await state.add(told.map(([, , addition]) => addition))
      for (const [place, [, tally, { by }]] of told.entries()) {
        // A store without room for a sum answers what was added; what all had told before stays told.
        tally.sum = Math.max(tally.sum + by, sums[place]!)
        tally.delta -= by
      }
    } catch {
      // Readiness tells of a state that is away; the counts are kept for the next trip.
      for (const [key, tally] of told) if (untold.size < most) untold.set(key, tally)
    }
  }
  const endExchange = repeat(period, flush)

  return {
    standing(key, budget) {
      roll()
      const passed = (now() % minute) / minute
      const [here, before] = [countOf(current.get(key)), countOf(previous.get(key))]
      const used = here + before * (1 - passed)
      const left = minute * (1 - passed)
      const remaining = Math.max(0, Math.floor(budget - used))
      const isSpent = used + 1 > budget
      // The last minute's count shrinks as this one passes; where that is not enough, so will this one's.
      const room = budget - 1
      const wait =
        here > room
          ? left + minute * (1 - Math.max(0, room) / here)
          : Math.min(left, minute * (1 - (room - here) / before - passed))
      return { isSpent, remaining, reset: Math.max(1, Math.ceil((isSpent ? wait : left) / 1000)) }
    },
    add(key, budget) {
      roll()
      let tally = current.get(key)
      if (tally === undefined) {
        if (current.size >= most) current.delete(current.keys().next().value!)
        current.set(key, (tally = { sum: 0, delta: 0 }))
      }
      tally.delta++
      if (countOf(tally) >= budget * telling) untold.set(`limit:${index}:${key}`, tally)
    },
    flush,
    close: () => void endExchange(),
  }
}
