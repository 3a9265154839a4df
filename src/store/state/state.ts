/** Protocol state: short-lived records, each with a TTL. One contract, two engines (`memory.ts`, `redis.ts`). */

export interface Found {
  readonly value: Buffer
  /** Changes with every write; hand it back as `over` to write only on top of what was read. */
  readonly version: string
  /** The records named by `along` when this one was written, in that order. */
  readonly along: readonly (Found | undefined)[]
}

export type Write =
  | {
      readonly key: string
      readonly value: Buffer
      /** Seconds. */
      readonly ttl: number
      /** Keys whose records are read together with this one. */
      readonly along?: readonly string[]
      /** Write only if this version is still the stored one; null: only if nothing is stored. */
      readonly over?: string | null
    }
  | { readonly key: string; readonly delete: true }

/** More of a count that all nodes share; a new one begins at nothing and ends `ttl` seconds after the last addition. */
export interface Addition {
  readonly key: string
  readonly by: number
  /** Seconds. */
  readonly ttl: number
}

export interface State {
  read(key: string): Promise<Found | undefined>
  /** Reads and removes: exactly one caller receives it, without the records along. */
  take(key: string): Promise<Found | undefined>
  /** Reads and marks for `ttl` seconds; `spent` is false to exactly one caller. */
  spend(key: string, ttl: number): Promise<(Found & { readonly spent: boolean }) | undefined>
  /** True to exactly one caller until `ttl` seconds have passed. */
  claim(key: string, ttl: number): Promise<boolean>
  /** One round trip. @returns the keys whose `over` no longer held; those were not written */
  write(writes: readonly Write[]): Promise<string[]>
  /** One round trip. Counts lie apart from records. @returns the sums, in the order of the additions */
  add(additions: readonly Addition[]): Promise<number[]>
  ping(): Promise<void>
  close(): Promise<void>
}
