/** Opens stored links into the form that portals get. */
import type { Db } from '../store/db.ts'
import { type StoredLink, findLinks } from '../store/links.ts'
import type { LegacyRecords } from './record.ts'

export interface Link {
  readonly id: string
  /** The portal that owns the account: the portal itself, or one that was merged into it. */
  readonly portal: string
  /** The portal's own account id. */
  readonly accountId: string
  readonly method: string
  /** ISO 8601. */
  readonly linkedAt: string
  readonly isPrimary: boolean
}

export function openLink(
  records: LegacyRecords,
  { id, portal, accountKey, sealed, method, linkedAt, isPrimary }: StoredLink,
): Link {
  const { accountId } = records.open(Buffer.from(accountKey, 'base64'), Buffer.from(sealed, 'base64'))
  return { id, portal, accountId, method, linkedAt, isPrimary }
}

/** A subject's current links at a portal; undefined if the subject is disabled or replaced. */
export type CurrentLinks = (subjectId: string, clientId: string) => Promise<Link[] | undefined>

/** The portal itself and the portals that were merged into it. */
export type PortalsOf = (clientId: string) => readonly string[]

/**
 * The portal that owns the account that a request means. After a merge the request must name the owner, because two portals
 * may have given one id to different persons, and a guess could give one person the other's account.
 * @returns undefined if the request does not name the owner although it must
 */
export const ownerMeant = (portals: readonly string[], named: string | undefined): string | undefined =>
  named ?? (portals.length === 1 ? portals[0] : undefined)

export const createCurrentLinks =
  ({ db, records, portalsOf }: { db: Db; records: LegacyRecords; portalsOf: PortalsOf }): CurrentLinks =>
  async (subjectId, clientId) =>
    (await findLinks(db, subjectId, portalsOf(clientId)))?.map((link) => openLink(records, link))
