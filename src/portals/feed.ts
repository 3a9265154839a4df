/**
 * What a portal follows: its own links, and those of the portals that went over into it. Each portal's changes have
 * positions of their own, so the cursor is a list of them: the own one, then for each former portal, by the number
 * of its going over, where the reader is there. `12.3-7`: 12 of its own, 7 of the portal that came by number 3.
 */
import { BrokerError } from '../errors.ts'
import type { Rehome } from '../registry/rehoming.ts'
import { type LinkChangeRow, readLinkChanges } from '../store/changes.ts'
import type { Db } from '../store/db.ts'

const position = '(?:0|[1-9]\\d{0,17})'
export const cursorPattern = new RegExp(`^(?=.{1,8000}$)${position}(?:\\.[1-9]\\d{0,9}-${position})*$`)

export interface FeedChange extends LinkChangeRow {
  readonly cursor: string
  /** Whose account it is. */
  readonly portal: string
}

/** Belongs inside a transaction. The changes of one portal are in order; those of the next follow. */
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
    // One more than is told: whether there is more.
    const asked = { clientId: source.portal, after: source.reached, limit: room + 1 }
    const rows = await readLinkChanges(tx, asked)
    if (rows === undefined) throw new BrokerError('input_invalid', 'after: was never given out')
    for (const row of rows.slice(0, room)) {
      source.reached = row.position
      changes.push({ ...row, portal: source.portal, cursor: cursor() })
    }
    if (rows.length > room) return { changes, next: cursor(), more: true }
  }
  return { changes, next: changes.at(-1)?.cursor ?? after, more: false }
}
