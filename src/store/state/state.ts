/** Protocol state: short-lived records, each with a TTL. One contract, two engines (`memory.ts`, `redis.ts`). */
import { randomBytesOf } from '../../crypto/random.ts'

export interface Found {
  readonly value: Buffer
  /** Changes with every write. Pass it as `over` to write only if the record is unchanged. */
  readonly version: string
  /** The records of the keys in `along` of the write, in the same order. */
  readonly along: readonly (Found | undefined)[]
  /** Whether `spend` has marked the record; not told of records in `along`. */
  readonly spent?: boolean
}

export type Write =
  | {
      readonly key: string
      readonly value: Buffer
      /** Seconds. */
      readonly ttl: number
      /** Keys whose records are read together with this one. */
      readonly along?: readonly string[]
      /** Write only if this version is still stored; null: only if nothing is stored. */
      readonly over?: string | null
      /** Begins something that no later request depends on yet. When the store is nearly full, only such writes are refused. */
      readonly begins?: true
    }
  | { readonly key: string; readonly delete: true }

/** Adds to a count that all nodes share. It starts at 0 and expires `ttl` seconds after the last addition. */
export interface Addition {
  readonly key: string
  readonly by: number
  /** Seconds. */
  readonly ttl: number
  /**
   * Names this addition (`newNonce`). A caller that does not know whether the addition was executed sends it again with
   * the same nonce and the same `by`, and it counts once.
   */
  readonly nonce?: string
}

/** Share of a store's memory that writes with `begins` may use. The rest is reserved for what has begun. */
export const shareForBeginnings = 0.8

export const newNonce = (): string => randomBytesOf(9).toString('base64url')

export interface State {
  read(key: string): Promise<Found | undefined>
  /** Reads and removes: exactly one caller receives the record, without `along`. */
  take(key: string): Promise<Found | undefined>
  /** Reads and marks as spent for `ttl` seconds; `spent` is false for exactly one caller. */
  spend(key: string, ttl: number): Promise<(Found & { readonly spent: boolean }) | undefined>
  /** True for exactly one caller within `ttl` seconds. */
  claim(key: string, ttl: number): Promise<boolean>
  /** One round trip. @returns the keys that were not written because of `over`; @throws BrokerError `overloaded` */
  write(writes: readonly Write[]): Promise<string[]>
  /** One round trip. Counts and records have separate keys. @returns the sums, in the order of the additions */
  add(additions: readonly Addition[]): Promise<number[]>
  ping(): Promise<void>
  close(): Promise<void>
}
