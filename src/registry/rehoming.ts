/**
 * What it means for a portal that another has gone over into it. Nothing is moved: as long as the row stands, the
 * new portal has the old one's accounts, links and `sub`s beside its own.
 */
import { vietnamDate } from '../vietnam-date.ts'
import type { RehomeRow } from '../store/rehomes.ts'
import type { ClientMetadata, ClientPolicy } from './clients.ts'

export type Rehome = Pick<RehomeRow, 'id' | 'oldClient' | 'newClient' | 'until' | 'subs' | 'sector'>

/** A portal that went over, and where its `sub`s came from: see `RehomeRow.sector`. */
export interface Former {
  readonly portal: string
  readonly sector: string | null
}

/** Those that went over into the portal, and into those in turn: the nearest first. */
export function rehomesInto<R extends Rehome>(rehomes: readonly R[], portal: string): R[] {
  const found: R[] = []
  for (let targets = [portal]; targets.length > 0;) {
    const next = rehomes.filter(({ newClient }) => targets.includes(newClient))
    found.push(...next)
    targets = next.map(({ oldClient }) => oldClient)
  }
  return found
}

/** The way on from a portal, to those that it goes over into in turn: one at each step. */
export function rehomesFrom<R extends Rehome>(rehomes: readonly R[], portal: string): R[] {
  const next = rehomes.find(({ oldClient }) => oldClient === portal)
  return next === undefined ? [] : [next, ...rehomesFrom(rehomes, next.newClient)]
}

/** Whether one leads from a portal, over any number of others, to another. */
export const leadsTo = (rehomes: readonly Rehome[], from: string, to: string): boolean =>
  rehomesInto(rehomes, to).some(({ oldClient }) => oldClient === from)

/**
 * Why a portal may not have another's accounts: by an id alone it would take them for its own of that id, or it lets
 * people in whom the other keeps out. Asked at the beginning and, for definitions change, at every use.
 */
export function unfitFor(
  { mapping, minimum_level: level, kinds }: ClientPolicy,
  before: ClientPolicy,
): string | undefined {
  if (mapping.former_portals !== true)
    return 'does not declare policy.mapping.former_portals: it might take the accounts for its own'
  if (level < before.minimum_level) return `lets people in at level ${level}, below the other's minimum_level`
  const wider = kinds.filter((kind) => !before.kinds.includes(kind))
  return wider.length === 0 ? undefined : `lets in kinds that the other does not: ${wider.join(', ')}`
}

/** Its last day is past. @param now milliseconds since the epoch */
export const hasGoneOver = (rehomes: readonly Rehome[], portal: string, now: number): boolean =>
  rehomes.some(({ oldClient, until }) => oldClient === portal && until < vietnamDate(now))

/** The one whose `sub`s the portal has taken on. */
export const takenBy = <R extends Rehome>(rehomes: readonly R[], portal: string): R | undefined =>
  rehomes.find(({ newClient, subs }) => newClient === portal && subs === 'old')

/** Where the portal's `sub`s come from (OIDC Core §8.1); null: they are public; empty: nobody signs in there. */
export function sectorOf(
  rehomes: readonly Rehome[],
  { client_id: id, subject_type: type, sector_identifier_uri: uri, redirect_uris: [first] }: ClientMetadata,
): string | null {
  const taken = takenBy(rehomes, id)
  if (taken !== undefined) return taken.sector
  if (type === 'public') return null
  return URL.parse(uri ?? first ?? '')?.host ?? ''
}

/** Whose `sub`s differ from those that the portal hears. */
export function formersOf(rehomes: readonly Rehome[], client: ClientMetadata): Former[] {
  const own = sectorOf(rehomes, client)
  return rehomesInto(rehomes, client.client_id)
    .map((row) => ({
      portal: row.oldClient,
      // It may have taken on others since.
      sector: (takenBy(rehomes, row.oldClient) ?? row).sector,
    }))
    .filter(({ sector }) => sector !== own && sector !== '')
}
