/**
 * The feed of changes to a portal's links, and to those of the portals that were merged into it. Each portal's changes
 * have their own positions, so the cursor lists them: first the portal's own position, then one for each former portal, as
 * number of the merge and position. `12.3-7` means position 12 in the portal's own changes, and position 7 in those of the
 * portal that merge number 3 brought.
 */
import { BrokerError } from '../errors.ts'
import type { Rehome } from '../registry/rehoming.ts'
import { type LinkChangeRow, readLinkChanges } from '../store/changes.ts'
import type { Db } from '../store/db.ts'

const position = '(?:0|[1-9]\\d{0,17})'
export const cursorPattern = new RegExp(`^(?=.{1,8000}$)${position}(?:\\.[1-9]\\d{0,9}-${position})*$`)

export interface FeedChange extends LinkChangeRow {
  readonly cursor: string
  /** The portal that owns the account. */
  readonly portal: string
}

/**
 * Must run in a transaction. Returns the changes of one portal in order, then those of the next.
 * @param after a cursor that this feed gave out
 * @throws BrokerError `input_invalid` if it did not
 */
export async function readFeed(
  tx: Db,
  {
    clientId,
    rehomes,
    after,
    limit,
  }: {
    clientId: string
    rehomes: readonly Rehome[]
    after: string
    limit: number
  },
): Promise<{ changes: FeedChange[]; next: string; more: boolean }> {
  const [own = '0', ...others] = after.split('.')
  const given = new Map(others.map((other) => other.split('-') as [string, string]))
  const sources = [
    { portal: clientId, id: '', reached: own },
    ...rehomes.map(({ oldClient, id }) => ({ portal: oldClient, id, reached: given.get(id) ?? '0' })),
  ]
  const cursor = () =>
    sources
      .filter(({ id, reached }) => id === '' || reached !== '0')
      .map(({ id, reached }) => (id === '' ? reached : `${id}-${reached}`))
      .join('.')

  const changes: FeedChange[] = []
  for (const source of sources) {
    const room = limit - changes.length
    // Read one more than is returned, to learn whether there are more.
    const asked = { clientId: source.portal, after: source.reached, limit: room + 1 }
    const rows = await readLinkChanges(tx, asked)
    if (rows === undefined)
      throw new BrokerError('input_invalid', 'after: must be a cursor that this API returned')
    for (const row of rows.slice(0, room)) {
      source.reached = row.position
      changes.push({ ...row, portal: source.portal, cursor: cursor() })
    }
    if (rows.length > room) return { changes, next: cursor(), more: true }
  }
  return { changes, next: changes.at(-1)?.cursor ?? after, more: false }
}
