/**
 * Counts requests per minute, without a round trip per request. Each node counts in its own memory. About once a second it
 * adds its new counts to the shared state in one round trip, and gets the sums of all nodes. While the state store is
 * unreachable, each node uses its own counts. A budget covers a sliding minute: the current minute, and the share of the
 * previous minute that lies within the last 60 seconds.
 */
import { repeat } from '../store/repeat.ts'
import { type Addition, type State, newNonce } from '../store/state/state.ts'

const minute = 60_000
/** Additions per round trip; the rest waits for the next one. */
const maxAdditions = 5_000
/** A node shares its count of a key once it has counted this part of the key's budget by itself. */
const sharedFrom = 1 / 16

interface Tally {
  /** Sum of all nodes at the last round trip, including what this node had added. */
  sum: number
  /** Counted by this node since then. */
  delta: number
  /** The part of `delta` that was sent without an answer, so that the store may have it. It is sent again unchanged. */
  inDoubt?: { readonly by: number; readonly nonce: string } | undefined
}

export interface Standing {
  readonly isSpent: boolean
  readonly remaining: number
  /** Seconds until the budget has room again; if it has room, seconds until the minute ends. */
  readonly reset: number
}

export interface Limiter {
  standing(key: string, budget: number): Standing
  /** @param by how much the request counts; 1 unless it is measured in bytes */
  add(key: string, budget: number, by?: number): void
  /** Exchanges counts with the shared state now. */
  flush(): Promise<void>
  close(): void
}

/** Shared tallies of each kind of key. */
const buckets = 8_192
/** The shared tally of a key. Kinds are `group:what`, and a key is `group:what:who`. */
function bucketOf(key: string): string {
  let hash = 2_166_136_261
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 16_777_619)
  return `~${key.slice(0, Math.max(0, key.lastIndexOf(':')))}:${(hash >>> 0) % buckets}`
}

/**
 * A count is forgotten when its time is over, never because there are many others.
 * @param maxKeys keys held per minute; those that come later in it share tallies, so that each of them counts for too much
 *   and never for too little
 */
export function createLimiter({
  state,
  maxKeys = 200_000,
  period = 1_000,
  now = Date.now,
}: {
  state: Pick<State, 'add'>
  maxKeys?: number
  period?: number
  now?: () => number
}): Limiter {
  let index = Math.floor(now() / minute)
  let current = new Map<string, Tally>()
  let previous = new Map<string, Tally>()
  const unsent = new Map<string, Tally>()

  const roll = () => {
    const at = Math.floor(now() / minute)
    if (at === index) return
    previous = at === index + 1 ? current : new Map()
    current = new Map()
    index = at
  }
  const nameIn = (tallies: ReadonlyMap<string, Tally>, key: string) =>
    tallies.size < maxKeys || tallies.has(key) ? key : bucketOf(key)
  const countIn = (tallies: ReadonlyMap<string, Tally>, key: string): number => {
    const tally = tallies.get(nameIn(tallies, key))
    return tally === undefined ? 0 : tally.sum + tally.delta
  }

  /** @returns whether counts that were waiting for one in doubt are left to send */
  async function exchange(): Promise<boolean> {
    const batch: [string, Tally, Addition][] = []
    for (const [key, tally] of unsent) {
      tally.inDoubt ??= { by: tally.delta, nonce: newNonce() }
      batch.push([key, tally, { key, ttl: 150, ...tally.inDoubt }])
      if (batch.length === maxAdditions) break
    }
    if (batch.length === 0) return false
    for (const [key] of batch) unsent.delete(key)
    let isLeft = false
    try {
      const sums = await state.add(batch.map(([, , addition]) => addition))
      for (const [place, [key, tally, { by }]] of batch.entries()) {
        // A full store answers only what was added now, so the sum never goes below what we know already.
        tally.sum = Math.max(tally.sum + by, sums[place]!)
        tally.delta -= by
        tally.inDoubt = undefined
        if (tally.delta === 0 || unsent.has(key)) continue
        unsent.set(key, tally)
        isLeft = true
      }
    } catch {
      // Readiness reports an unreachable state store. The counts are kept for the next round trip.
      for (const [key, tally] of batch) if (unsent.size < maxKeys) unsent.set(key, tally)
    }
    return isLeft
  }
  const flush = async () => void ((await exchange()) && (await exchange()))
  const endExchange = repeat(period, flush)

  return {
    standing(key, budget) {
      roll()
      const passed = (now() % minute) / minute
      const [thisMinute, before] = [countIn(current, key), countIn(previous, key)]
      const used = thisMinute + before * (1 - passed)
      const left = minute * (1 - passed)
      const remaining = Math.max(0, Math.floor(budget - used))
      const isSpent = used + 1 > budget
      // The previous minute's share shrinks as this minute passes. If that does not make room, this minute's count must
      // shrink in the same way during the next one.
      const room = budget - 1
      const wait =
        thisMinute > room
          ? left + minute * (1 - Math.max(0, room) / thisMinute)
          : Math.min(left, minute * (1 - (room - thisMinute) / before - passed))
      return { isSpent, remaining, reset: Math.max(1, Math.ceil((isSpent ? wait : left) / 1000)) }
    },
    add(key, budget, by = 1) {
      roll()
      const name = nameIn(current, key)
      let tally = current.get(name)
      if (tally === undefined) current.set(name, (tally = { sum: 0, delta: 0 }))
      tally.delta += by
      if (tally.sum + tally.delta >= budget * sharedFrom) unsent.set(`limit:${index}:${name}`, tally)
    },
    flush,
    close: () => void endExchange(),
  }
}
