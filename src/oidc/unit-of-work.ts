/**
 * The protocol records that one request reads and writes. Each record is read once, and all writes are sent in one round
 * trip before the answer. Records are sealed; their keys are hashes of the secret ids.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { hash } from 'node:crypto'
import { BrokerError } from '../errors.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Found, State, Write } from '../store/state/state.ts'

export type Payload = Record<string, unknown>

interface Slot {
  /** Undefined if the record is known to be absent. */
  payload: Payload | undefined
  /** The version that was read and may be overwritten; null if the record must not exist yet; undefined for an unconditional write. */
  version?: string | null
  pending?: { readonly ttl: number; readonly along: readonly string[]; readonly begins?: true }
}

export interface UnitOfWork {
  /** The record, if this unit has it already; no round trip. */
  peek(key: string): Payload | undefined
  read(key: string): Promise<Payload | undefined>
  /** Reads a record and marks it as spent, for `ttl` seconds. `spent` is false for exactly one caller. */
  spend(key: string, ttl: number): Promise<{ payload: Payload; spent: boolean } | undefined>
  /** Whether the record has been spent, or is gone; always asks the store. */
  isSpent(key: string): Promise<boolean>
  /** Reads and removes a record. Exactly one caller gets it; it stays readable within this unit. */
  take(key: string): Promise<Payload | undefined>
  /** True for exactly one caller within `ttl` seconds. */
  claim(key: string, ttl: number): Promise<boolean>
  /** @param ttl seconds; @param along keys of records to read together with this one */
  put(key: string, payload: Payload, ttl: number, along?: readonly string[]): void
  /** Puts a record with which something begins (`Write.begins` in `store/state/state.ts`). */
  begin(key: string, payload: Payload, ttl: number): void
  /** Puts a record that is not known to exist. If another request creates the same one meanwhile, the two are merged. */
  create(key: string, payload: Payload, ttl: number): void
  delete(key: string): void
  /** Adds a record to the unit as if it had been read; it is not written. */
  pretend(key: string, payload: Payload | undefined): void
  /** Drops the writes that are not sent yet. */
  abandon(): void
  /** Sends the writes. @throws BrokerError `interaction_gone` if a record that they build on has ended meanwhile */
  commit(): Promise<void>
}

const current = new AsyncLocalStorage<UnitOfWork>()

/** Runs `work` with `unit` as its current unit of work. */
export const runWithUnit = <T>(unit: UnitOfWork, work: () => T): T => current.run(unit, work)

export function currentUnit(): UnitOfWork {
  const unit = current.getStore()
  if (unit === undefined) throw new Error('protocol state can be used only within a request (runWithUnit)')
  return unit
}

/** Merges two versions of one record, for example the sessions of two tabs. Undefined: they cannot be merged. */
export type Merge = (key: string, mine: Payload, theirs: Payload) => Payload | undefined

export const keyOf = (kind: string, id: string): string => `${kind}:${hash('sha256', id, 'base64url')}`

export function beginUnitOfWork({
  state,
  seal,
  merge,
}: {
  state: State
  seal: Seal
  merge: Merge
}): UnitOfWork {
  const slots = new Map<string, Slot>()
  /** Records that were read together with another one; opened when they are needed. */
  const sealed = new Map<string, Found>()

  const open = (key: string, found: Found): Payload => JSON.parse(seal.open(found.value, key)) as Payload
  const remember = (key: string, found: Found): Payload => {
    const payload = open(key, found)
    slots.set(key, { payload, version: found.version })
    const along = payload['along'] as readonly string[] | undefined
    along?.forEach((other, index) => {
      const record = found.along[index]
      // What this unit has read or written already is newer.
      if (slots.has(other)) return
      if (record === undefined) slots.set(other, { payload: undefined })
      else sealed.set(other, record)
    })
    return payload
  }

  return {
    peek: (key) => slots.get(key)?.payload,
    async read(key) {
      const slot = slots.get(key)
      if (slot !== undefined) return slot.payload
      const found = sealed.get(key) ?? (await state.read(key))
      if (found !== undefined) return remember(key, found)
      slots.set(key, { payload: undefined })
      return undefined
    },
    async spend(key, ttl) {
      const found = await state.spend(key, ttl)
      return found && { payload: remember(key, found), spent: found.spent }
    },
    async isSpent(key) {
      const found = await state.read(key)
      return found === undefined || found.spent === true
    },
    async take(key) {
      const found = await state.take(key)
      const payload = found && open(key, found)
      slots.set(key, { payload })
      return payload
    },
    claim: (key, ttl) => state.claim(key, ttl),
    put(key, payload, ttl, along = []) {
      const version = slots.get(key)?.version
      const stored = along.length > 0 ? { ...payload, along } : payload
      slots.set(key, {
        payload: stored,
        pending: { ttl, along },
        ...(version === undefined ? {} : { version }),
      })
    },
    begin(key, payload, ttl) {
      slots.set(key, { payload, pending: { ttl, along: [], begins: true } })
    },
    create(key, payload, ttl) {
      const slot = slots.get(key)
      const isUnknown = slot?.payload === undefined && slot?.pending === undefined
      if (isUnknown) slots.set(key, { payload: undefined, version: slot?.version ?? null })
      this.put(key, payload, ttl)
    },
    delete(key) {
      slots.set(key, { ...slots.get(key), payload: undefined, pending: { ttl: 0, along: [] } })
    },
    pretend(key, payload) {
      slots.set(key, { payload })
    },
    abandon() {
      for (const slot of slots.values()) delete slot.pending
    },
    async commit() {
      for (let attempt = 0; attempt < 5; attempt++) {
        const writes: Write[] = []
        for (const [key, { payload, pending, version }] of slots) {
          if (pending === undefined) continue
          if (payload === undefined) writes.push({ key, delete: true })
          else {
            const value = seal.seal(JSON.stringify(payload), key)
            writes.push({ key, value, ...pending, ...(version === undefined ? {} : { over: version }) })
          }
        }
        if (writes.length === 0) return
        const refused = new Set(await state.write(writes))
        for (const slot of slots.values()) delete slot.pending
        if (refused.size === 0) return
        for (const write of writes) {
          if (!refused.has(write.key) || 'delete' in write) continue
          const theirs = await state.read(write.key)
          const mine = slots.get(write.key)?.payload
          const merged = theirs && mine && merge(write.key, mine, open(write.key, theirs))
          if (merged === undefined)
            throw new BrokerError('interaction_gone', 'the session ended during the request')
          slots.set(write.key, {
            payload: merged,
            version: theirs!.version,
            pending: { ttl: write.ttl, along: write.along ?? [] },
          })
        }
      }
      throw new BrokerError(
        'interaction_gone',
        'other requests changed the session five times during this one',
      )
    },
  }
}
