/** State in the process: the embedded default, for one node. Bounded: when full it refuses, and drops no live login. */
import { BrokerError } from '../errors.ts'
import { roundTrips } from '../metrics.ts'
import type { Found, State } from './state.ts'

interface Record {
  readonly value: Buffer
  readonly version: string
  readonly along: readonly string[]
  /** Milliseconds since the epoch. */
  readonly expires: number
}

const nothing = Buffer.alloc(0)

/** @param limit most records held at once */
export function createMemoryState({ limit, now = Date.now }: { limit: number; now?: () => number }): State {
  const records = new Map<string, Record>()
  let versions = 0

  const live = (key: string): Record | undefined => {
    const record = records.get(key)
    if (record !== undefined && record.expires <= now()) {
      records.delete(key)
      return undefined
    }
    return record
  }
  const sweep = () => {
    for (const key of records.keys()) live(key)
  }
  const put = (key: string, value: Buffer, ttl: number, along: readonly string[] = []) => {
    if (records.size >= limit && !records.has(key)) {
      sweep()
      if (records.size >= limit) throw new BrokerError('overloaded', 'in-process state is full')
    }
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
  const counted = <T>(result: T): Promise<T> => {
    roundTrips.inc({ store: 'state' })
    return Promise.resolve(result)
  }
  const timer = setInterval(sweep, 30_000).unref()

  return {
    read(key) {
      const record = live(key)
      return counted(record && found(record))
    },
    take(key) {
      const record = live(key)
      records.delete(key)
      return counted(record && { value: record.value, version: record.version, along: [] })
    },
    spend(key, ttl) {
      const record = live(key)
      return counted(record && { ...found(record), spent: !claim(`${key}:spent`, ttl) })
    },
    claim: async (key, ttl) => counted(claim(key, ttl)),
    // Not one await in here: the whole batch is one step of the event loop.
    async write(writes) {
      const refused: string[] = []
      for (const write of writes) {
        if ('delete' in write) records.delete(write.key)
        else if (write.over !== undefined && (live(write.key)?.version ?? null) !== write.over)
          refused.push(write.key)
        else put(write.key, write.value, write.ttl, write.along)
      }
      return counted(refused)
    },
    ping: () => Promise.resolve(),
    close() {
      clearInterval(timer)
      records.clear()
      return Promise.resolve()
    },
  }
}
