/**
 * The key ring at rest: under which of its keys something lies, and whether a key may leave the configuration. A key
 * of the ring is named by the bytes that stand before everything it sealed, which differ by purpose.
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
  liesUnder,
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

/** What lies in the state store; not in a table, and gone with its time. */
export const protocolState = 'protocol state'
/** Keyed hashes: no key stands before them. */
export const index = 'index'
export const purposes: readonly string[] = [
  ...new Set([...numberedTables, ...sealedTables].map(({ purpose }) => purpose)),
]

/** The names of the ring's keys for a purpose, the one that writes first. */
export const keyIds = (ring: Ring, purpose: string): Buffer[] =>
  sealIds(purpose === index ? ring.index : ring.seal, purpose)

/** For people, the same whatever the purpose. */
const namesOf = (keys: readonly Buffer[]): string[] =>
  sealIds(keys, 'name of a key').map((id) => id.toString('hex'))

/** Equal on nodes whose rings are equal, in the same order. */
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
  // A key that nodes once wrote under, and that nothing happens to lie under, is none that is missed.
  await db.session(async (session) => {
    for (const use of lacking)
      if (use.purpose !== index && (await liesUnder(session, use))) sealed.add(use.purpose)
  })
  const faults = [
    ...(sealed.size > 0
      ? [`SEAL_KEYS lacks a key that rows are sealed under (${[...sealed].join(', ')})`]
      : []),
    ...(lacking.some(({ purpose }) => purpose === index)
      ? ['INDEX_KEYS lacks a key that numbers are found by']
      : []),
  ]
  if (faults.length > 0)
    throw new ConfigError(
      faults.map((fault) => `${fault}: put it back, and run "keys reseal" before it goes`),
    )
}

/** Milliseconds between two claims of a node. */
export const claimPeriod = 3_000

/** Tells the other nodes, now and in every period, under which keys this node writes. @returns ends it */
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
  /** Of the ring's key, in hexadecimal. */
  readonly key: string
  readonly tables: Readonly<Record<string, number>>
  /** Whether nodes still write under it, or something lies under it. */
  readonly needed: boolean
  /** Until when sessions and refresh tokens may lie under it; null: the state store needs it no more. */
  readonly stateUntil: Date | null
}

export interface RingReport {
  readonly seal: readonly RingKey[]
  readonly index: readonly { readonly key: string; readonly needed: boolean }[]
  /** Rows under keys that are not in the ring, by table. */
  readonly unreadable: Readonly<Record<string, number>>
  /** Known by their number under older keys only: an index key stays needed until they have signed in. */
  readonly operatorsBehind: number
}

/** @param longest seconds that a record of the state store may live after it was written */
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
      const lies = Object.keys(tables).length > 0
      return {
        key,
        tables,
        needed: position === 0 || lies || purposes.some((purpose) => isUsed(purpose, position)),
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
