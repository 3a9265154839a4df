/**
 * The feed of changes to a portal's links, and to those of the portals that were merged into it. Each portal's changes
 * have their own positions, so the cursor lists them: first the portal's own place, then one for each former portal, as
 * number of the merge and place. A place is `position~mark`: `12~9f3a….3-7~04bd…` means position 12 in the portal's own
 * changes, and position 7 in those of the portal that merge number 3 brought. The mark names the change at that position.
 * After a restore other changes get the positions that were lost; their marks differ, so an old cursor is refused and
 * never skips them.
 */
import { BrokerError } from '../errors.ts'
import type { Rehome } from '../registry/rehoming.ts'
import { type LinkChangeRow, type Place, readLinkChanges } from '../store/changes.ts'
import type { Db } from '../store/db.ts'

const place = '(?:0|[1-9]\\d{0,17}~[0-9a-f]{16})'
export const cursorPattern = new RegExp(`^(?=.{1,8000}$)${place}(?:\\.[1-9]\\d{0,9}-${place})*$`)

export interface FeedChange extends LinkChangeRow {
  readonly cursor: string
  /** The portal that owns the account. */
  readonly portal: string
}

/**
 * Must run in a transaction. Returns the changes of one portal in order, then those of the next.
 * @param after a cursor that this feed gave out
 * @throws BrokerError `cursor_gone` if the changes do not contain it, as after a restore from a backup
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
    const asked = { clientId: source.portal, after: placeOf(source.reached), limit: room + 1 }
    const rows = await readLinkChanges(tx, asked)
    if (rows === undefined) throw new BrokerError('cursor_gone')
    for (const row of rows.slice(0, room)) {
      source.reached = `${row.position}~${row.mark}`
      changes.push({ ...row, portal: source.portal, cursor: cursor() })
    }
    if (rows.length > room) return { changes, next: cursor(), more: true }
  }
  return { changes, next: changes.at(-1)?.cursor ?? after, more: false }
}

function placeOf(text: string): Place {
  const [position = '', mark = ''] = text.split('~')
  return { position, mark }
}
