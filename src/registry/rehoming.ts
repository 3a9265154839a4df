/**
 * The effects of re-homing. No data is moved: while the `rehome` row is in effect, the new portal has the old one's
 * accounts, links and `sub`s in addition to its own.
 */
import { vietnamDate } from '../vietnam-date.ts'
import type { RehomeRow } from '../store/rehomes.ts'
import type { ClientMetadata, ClientPolicy } from './clients.ts'

export type Rehome = Pick<RehomeRow, 'id' | 'oldClient' | 'newClient' | 'until' | 'subs' | 'sector'>

/** A re-homed portal and the sector of its `sub`s: see `RehomeRow.sector`. */
export interface Former {
  readonly portal: string
  readonly sector: string | null
}

/** The re-homings into the portal, directly and through others, nearest first. */
export function rehomesInto<R extends Rehome>(rehomes: readonly R[], portal: string): R[] {
  const found: R[] = []
  for (let targets = [portal]; targets.length > 0;) {
    const next = rehomes.filter(({ newClient }) => targets.includes(newClient))
    found.push(...next)
    targets = next.map(({ oldClient }) => oldClient)
  }
  return found
}

/** The chain of re-homings that starts at the portal. */
export function rehomesFrom<R extends Rehome>(rehomes: readonly R[], portal: string): R[] {
  const next = rehomes.find(({ oldClient }) => oldClient === portal)
  return next === undefined ? [] : [next, ...rehomesFrom(rehomes, next.newClient)]
}

/** Whether a chain of re-homings leads from one portal to the other. */
export const leadsTo = (rehomes: readonly Rehome[], from: string, to: string): boolean =>
  rehomesInto(rehomes, to).some(({ oldClient }) => oldClient === from)

/**
 * Why a portal may not have another's accounts: it would confuse them with its own accounts of the same id, or it admits
 * people whom the other does not. Checked at the beginning and at every use, because definitions change.
 */
export function unfitFor(
  { mapping, minimum_level: level, kinds }: ClientPolicy,
  before: ClientPolicy,
): string | undefined {
  if (mapping.former_portals !== true)
    return 'does not declare policy.mapping.former_portals, so it might confuse the accounts with its own'
  if (level < before.minimum_level) return `admits level ${level}, below the other portal's minimum_level`
  const wider = kinds.filter((kind) => !before.kinds.includes(kind))
  return wider.length === 0 ? undefined : `admits kinds that the other portal does not: ${wider.join(', ')}`
}

/** Whether the last day of the re-homed portal is past. @param now milliseconds since the epoch */
export const hasGoneOver = (rehomes: readonly Rehome[], portal: string, now: number): boolean =>
  rehomes.some(({ oldClient, until }) => oldClient === portal && until < vietnamDate(now))

/** The re-homing through which the portal uses the old portal's `sub`s. */
export const takenBy = <R extends Rehome>(rehomes: readonly R[], portal: string): R | undefined =>
  rehomes.find(({ newClient, subs }) => newClient === portal && subs === 'old')

/** The sector of the portal's `sub`s (OIDC Core §8.1). Null: public `sub`s. Empty: no redirect URI, so no sign-in. */
export function sectorOf(
  rehomes: readonly Rehome[],
  { client_id: id, subject_type: type, sector_identifier_uri: uri, redirect_uris: [first] }: ClientMetadata,
): string | null {
  const taken = takenBy(rehomes, id)
  if (taken !== undefined) return taken.sector
  if (type === 'public') return null
  return URL.parse(uri ?? first ?? '')?.host ?? ''
}

/** The former portals whose `sub`s differ from those that the portal receives. */
export function formersOf(rehomes: readonly Rehome[], client: ClientMetadata): Former[] {
  const own = sectorOf(rehomes, client)
  return rehomesInto(rehomes, client.client_id)
    .map((row) => ({
      portal: row.oldClient,
      // The old portal may itself use the `sub`s of another.
      sector: (takenBy(rehomes, row.oldClient) ?? row).sector,
    }))
    .filter(({ sector }) => sector !== own && sector !== '')
}
