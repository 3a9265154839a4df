/** In-process state for a single node, the embedded default. When full it refuses new records and evicts no live one. */
import { BrokerError } from '../../errors.ts'
import { stateBytes } from '../../telemetry/metrics.ts'
import { roundTrip } from '../round-trip.ts'
import { type Found, type State, shareForBeginnings } from './state.ts'

interface Record {
  readonly value: Buffer
  readonly version: string
  readonly along: readonly string[]
  /** Milliseconds since the epoch. */
  readonly expires: number
}

interface Sum {
  readonly sum: number
  readonly expires: number
  /** Of the additions that may be sent again. */
  readonly nonces: readonly string[]
}

const nothing = Buffer.alloc(0)
/** Bytes that the process uses for a record beside its key and value. */
const overhead = 400
/** Shared counts are small; a caller must not be refused because there are many. */
const maxSums = 200_000

/** @param limit bytes of all records */
export function createMemoryState({ limit, now = Date.now }: { limit: number; now?: () => number }): State {
  const records = new Map<string, Record>()
  const sums = new Map<string, Sum>()
  let versions = 0
  let held = 0
  let sweptAt = -Infinity

  const sizeOf = (key: string, value: Buffer) => key.length + value.length + overhead
  const remove = (key: string): void => {
    const record = records.get(key)
    if (record === undefined) return
    held -= sizeOf(key, record.value)
    records.delete(key)
  }
  const live = (key: string): Record | undefined => {
    const record = records.get(key)
    if (record !== undefined && record.expires <= now()) {
      remove(key)
      return undefined
    }
    return record
  }
  const sweep = () => {
    sweptAt = now()
    for (const key of records.keys()) live(key)
    for (const [key, { expires }] of sums) if (expires <= now()) sums.delete(key)
  }
  /** @param share of the limit that may be used */
  const requireRoom = (bytes: number, share: number) => {
    const isFull = () => held + bytes > limit * share
    if (!isFull()) return
    // A sweep looks at every record, so a flood of refused requests must not cause one each.
    if (now() - sweptAt >= 1_000) sweep()
    if (isFull()) throw new BrokerError('overloaded', 'the in-process state store is full')
  }
  const put = (key: string, value: Buffer, ttl: number, along: readonly string[] = []) => {
    if (!records.has(key)) requireRoom(sizeOf(key, value), 1)
    remove(key)
    held += sizeOf(key, value)
    records.set(key, { value, version: String(versions++), along, expires: now() + ttl * 1000 })
  }
  const found = (record: Record): Found => ({
    value: record.value,
    version: record.version,
    along: record.along.map((key) => {
      const other = live(key)
      return other && { value: other.value, version: other.version, along: [] }
    }),
  })
  const claim = (key: string, ttl: number): boolean => {
    if (live(key) !== undefined) return false
    put(key, nothing, ttl)
    return true
  }
  /** `work` is synchronous, so it is atomic. */
  const trip = <T>(step: string, work: () => T) => roundTrip('state', `state ${step}`, async () => work())
  const tell = () => stateBytes.set({ state: 'held' }, held)
  stateBytes.set({ state: 'limit' }, limit)
  tell()
  const timer = setInterval(() => {
    sweep()
    tell()
  }, 15_000).unref()

  return {
    read: (key) =>
      trip('read', () => {
        const record = live(key)
        return record && { ...found(record), ...(live(`${key}:spent`) && { spent: true }) }
      }),
    take: (key) =>
      trip('take', () => {
        const record = live(key)
        remove(key)
        return record && { value: record.value, version: record.version, along: [] }
      }),
    spend: (key, ttl) =>
      trip('spend', () => {
        const record = live(key)
        return record && { ...found(record), spent: !claim(`${key}:spent`, ttl) }
      }),
    claim: (key, ttl) => trip('claim', () => claim(key, ttl)),
    // No await inside, so the whole batch is atomic.
    write: (writes) =>
      trip('write', () => {
        const refused: string[] = []
        for (const write of writes)
          if ('begins' in write) requireRoom(sizeOf(write.key, write.value), shareForBeginnings)
        for (const write of writes) {
          if ('delete' in write) remove(write.key)
          else if (write.over !== undefined && (live(write.key)?.version ?? null) !== write.over)
            refused.push(write.key)
          else put(write.key, write.value, write.ttl, write.along)
        }
        return refused
      }),
    add: (additions) =>
      trip('add', () =>
        additions.map(({ key, by, ttl, nonce }) => {
          const stored = sums.get(key)
          const known = stored !== undefined && stored.expires > now() ? stored : undefined
          if (known !== undefined && nonce !== undefined && known.nonces.includes(nonce)) return known.sum
          const sum = (known?.sum ?? 0) + by
          const nonces = [...(known?.nonces ?? []), ...(nonce === undefined ? [] : [nonce])]
          // If there is no room the count is not stored; a caller must not be refused for that.
          if (stored !== undefined || sums.size < maxSums)
            sums.set(key, { sum, expires: now() + ttl * 1000, nonces })
          return sum
        }),
      ),
    ping: () => Promise.resolve(),
    close() {
      clearInterval(timer)
      records.clear()
      held = 0
      sums.clear()
      return Promise.resolve()
    },
  }
}
