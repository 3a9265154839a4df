/**
 * The use of the key ring at rest: which keys seal something, and whether a key may be removed from the configuration.
 * A key is identified by the bytes at the start of everything that it sealed; these differ by purpose.
 */
import type { Log } from '../telemetry/log.ts'
import { repeat } from '../store/repeat.ts'
import { sealIds } from '../crypto/seal.ts'
import { ConfigError } from '../config/settings.ts'
import type { Database, Db } from '../store/db.ts'
import { countOperatorsBehind } from '../store/operator-keys.ts'
import {
  type SealedRows,
  beginKeyUse,
  countSealed,
  hasKeyUse,
  isKeyUsed,
  listKeyUse,
  numberedTables,
  sealedTables,
  touchKeyUse,
} from '../store/ring.ts'

export interface Ring {
  readonly seal: readonly Buffer[]
  readonly index: readonly Buffer[]
  readonly pairwise: Buffer
}

/** Purpose of the records in the state store. They are in no table and expire. */
export const protocolState = 'protocol state'
/** Purpose of keyed hashes, which do not contain a key id. */
export const index = 'index'
export const purposes: readonly string[] = [
  ...new Set([...numberedTables, ...sealedTables].map(({ purpose }) => purpose)),
]

/** The ids of the ring's keys for a purpose, the newest first. */
export const keyIds = (ring: Ring, purpose: string): Buffer[] =>
  sealIds(purpose === index ? ring.index : ring.seal, purpose)

/** Names of keys for people, independent of the purpose. */
const namesOf = (keys: readonly Buffer[]): string[] =>
  sealIds(keys, 'name of a key').map((id) => id.toString('hex'))

/** Equal on nodes that have the same keys in the same order. */
export const fingerprintOf = (ring: Ring): Buffer =>
  Buffer.concat([...sealIds(ring.seal, 'ring'), Buffer.alloc(1), ...sealIds(ring.index, 'ring')])

/** @throws ConfigError when something at rest needs a key that is not in the ring */
export async function checkRing(db: Database, ring: Ring): Promise<void> {
  if (!(await hasKeyUse(db))) return
  const lacking = (await listKeyUse(db)).filter(
    ({ purpose, keyId }) =>
      purpose !== protocolState && !keyIds(ring, purpose).some((known) => known.equals(keyId)),
  )
  if (lacking.length === 0) return
  const sealed = new Set<string>()
  // A key that was used but no longer seals any row is not needed.
  await db.session(async (session) => {
    for (const use of lacking)
      if (use.purpose !== index && (await isKeyUsed(session, use))) sealed.add(use.purpose)
  })
  const faults = [
    ...(sealed.size > 0
      ? [`SEAL_KEYS lacks a key that sealed rows still need (${[...sealed].join(', ')})`]
      : []),
    ...(lacking.some(({ purpose }) => purpose === index)
      ? ['INDEX_KEYS lacks a key that is still needed to find numbers']
      : []),
  ]
  if (faults.length > 0)
    throw new ConfigError(
      faults.map((fault) => `${fault}: add it again, and run "keys reseal" before you remove it`),
    )
}

/** Milliseconds between two claims of a node. */
export const claimPeriod = 3_000

/** Claims, now and every `period` ms, the keys that this node writes under. @returns stops claiming */
export async function claimRing(
  { db, ring, log }: { db: Db; ring: Ring; log: Log },
  period = claimPeriod,
): Promise<() => void> {
  const uses = [...purposes, protocolState, index].map((purpose) => ({
    purpose,
    keyId: keyIds(ring, purpose)[0]!,
  }))
  await beginKeyUse(db, index, keyIds(ring, index))
  await touchKeyUse(db, uses)
  const endClaims = repeat(period, () =>
    touchKeyUse(db, uses).catch((error: unknown) => log.warn({ event: 'ring.unclaimed', err: error })),
  )
  return () => void endClaims()
}

export interface RingKey {
  /** Name of the key, in hexadecimal. */
  readonly key: string
  readonly tables: Readonly<Record<string, number>>
  /** Whether nodes still write under it, or it still seals something. */
  readonly needed: boolean
  /** Until when the state store may hold records under it; null: it holds none. */
  readonly stateUntil: Date | null
}

export interface RingReport {
  readonly seal: readonly RingKey[]
  readonly index: readonly { readonly key: string; readonly needed: boolean }[]
  /** Rows under keys that are not in the ring, by table. */
  readonly unreadable: Readonly<Record<string, number>>
  /** Number of operators whose keyed hash exists only under older keys; these keys stay needed until they sign in. */
  readonly operatorsBehind: number
}

/** @param longest longest lifetime of a record in the state store, in seconds */
export async function reportRing(db: Db, ring: Ring, longest: number): Promise<RingReport> {
  const [counted, uses] = [await countSealed(db), await listKeyUse(db)]
  const isUsed = (purpose: string, position: number) =>
    uses.some((use) => use.purpose === purpose && use.keyId.equals(keyIds(ring, purpose)[position]!))
  const rowsAt = (row: SealedRows) => keyIds(ring, row.purpose).findIndex((id) => id.equals(row.keyId))
  const tablesOf = (position: number) =>
    Object.fromEntries(
      counted.filter((row) => rowsAt(row) === position).map(({ table, rows }) => [table, rows]),
    )
  return {
    seal: namesOf(ring.seal).map((key, position) => {
      const state = uses.find(
        ({ purpose, keyId }) =>
          purpose === protocolState && keyId.equals(keyIds(ring, protocolState)[position]!),
      )
      const until = state && new Date(state.seenAt.getTime() + longest * 1000)
      const tables = tablesOf(position)
      const isSealing = Object.keys(tables).length > 0
      return {
        key,
        tables,
        needed: position === 0 || isSealing || purposes.some((purpose) => isUsed(purpose, position)),
        stateUntil: until !== undefined && until.getTime() > Date.now() ? until : null,
      }
    }),
    index: namesOf(ring.index).map((key, position) => ({
      key,
      needed: position === 0 || isUsed(index, position),
    })),
    unreadable: tablesOf(-1),
    operatorsBehind: await countOperatorsBehind(db, ring.index.length),
  }
}
