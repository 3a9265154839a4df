/** Checks of a plan on a portal's sector, from which its `sub`s are derived (OIDC Core §8.1). */
import type { ClientRow } from '../store/clients.ts'
import type { ClientMetadata } from './clients.ts'
import { type Fault, faultAt } from './definition.ts'
import { type Rehome, sectorOf } from './rehoming.ts'
import { isLoopback } from '../vocabulary.ts'

/** A new sector changes the `sub` of every person, so it is allowed only in a draft or on loopback. */
export function sectorFault(
  rehomes: readonly Rehome[],
  { state, metadata }: ClientRow,
  wanted: ClientMetadata,
): Fault | undefined {
  const before = sectorOf(rehomes, metadata as unknown as ClientMetadata)
  if (state === 'draft' || before === '' || isTrial(before) || before === sectorOf(rehomes, wanted))
    return undefined
  const changes = "would change every person's sub at the portal"
  if (before === null) return faultAt(['subject_type'], `${changes}; write public`)
  // The engine only uses the host of this URL; it does not fetch it.
  const kept = `sector_identifier_uri: https://${before}/`
  return wanted.subject_type === 'public'
    ? faultAt(['subject_type'], `${changes}; write pairwise, with ${kept}`)
    : faultAt(
        [wanted.sector_identifier_uri === undefined ? 'redirect_uris' : 'sector_identifier_uri'],
        `${changes}; keep them with ${kept}`,
      )
}

const isTrial = (sector: string | null): boolean => {
  const url = sector === null ? null : URL.parse(`http://${sector}/`)
  return url !== null && isLoopback(url.hostname)
}

/** @returns a note that names other portals at which people have the same `sub`s */
export function sharingNote(
  rehomes: readonly Rehome[],
  client: ClientMetadata,
  others: readonly ClientMetadata[],
): Fault | undefined {
  const sector = sectorOf(rehomes, client)
  if (sector === '') return undefined
  const shared = others
    .filter((other) => other.client_id !== client.client_id && sectorOf(rehomes, other) === sector)
    .map(({ client_id: id }) => id)
  if (shared.length === 0) return undefined
  const named = shared.length > 5 ? `${shared.slice(0, 5).join(', ')} and others` : shared.join(', ')
  return faultAt(
    [sector === null ? 'subject_type' : 'sector_identifier_uri'],
    `people have the same sub here as at ${named}; keep it only if these portals belong to one body`,
  )
}
