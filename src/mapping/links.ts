/** Links as portals hear of them: opened, from how the store keeps them. */
import type { Db } from '../store/db.ts'
import { type StoredLink, findLinks } from '../store/links.ts'
import type { LegacyRecords } from './record.ts'

export interface Link {
  readonly id: string
  /** The client whose account it is: the portal itself, or one that went over into it. */
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

/** The portal's links of a subject as they stand now; undefined when the subject may not be used any more. */
export type CurrentLinks = (subjectId: string, clientId: string) => Promise<Link[] | undefined>

/** A portal itself, and those that went over into it: all whose accounts are its own. */
export type PortalsOf = (clientId: string) => readonly string[]

/**
 * Whose account a portal means: where others went over into it, it must say so each time, for one id may be two
 * persons', and a guess would hand one the other's account. @returns undefined when it leaves that open
 */
export const ownerMeant = (portals: readonly string[], named: string | undefined): string | undefined =>
  named ?? (portals.length === 1 ? portals[0] : undefined)

export const createCurrentLinks =
  ({ db, records, portalsOf }: { db: Db; records: LegacyRecords; portalsOf: PortalsOf }): CurrentLinks =>
  async (subjectId, clientId) =>
    (await findLinks(db, subjectId, portalsOf(clientId)))?.map((link) => openLink(records, link))
