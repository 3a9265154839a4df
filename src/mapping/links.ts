/** Links as portals hear of them: opened, from how the store keeps them. */
import type { Db } from '../store/db.ts'
import { type StoredLink, findLinks } from '../store/links.ts'
import type { LegacyRecords } from './record.ts'

export interface Link {
  readonly id: string
  /** The portal's own account id. */
  readonly accountId: string
  readonly method: string
  /** ISO 8601. */
  readonly linkedAt: string
  readonly isPrimary: boolean
}

export function openLink(
  records: LegacyRecords,
  { id, accountKey, sealed, method, linkedAt, isPrimary }: StoredLink,
): Link {
  const { accountId } = records.open(Buffer.from(accountKey, 'base64'), Buffer.from(sealed, 'base64'))
  return { id, accountId, method, linkedAt, isPrimary }
}

/** The portal's links of a subject as they stand now; undefined when the subject may not be used any more. */
export type CurrentLinks = (subjectId: string, clientId: string) => Promise<Link[] | undefined>

export const createCurrentLinks =
  ({ db, records }: { db: Db; records: LegacyRecords }): CurrentLinks =>
  async (subjectId, clientId) =>
    (await findLinks(db, subjectId, clientId))?.map((link) => openLink(records, link))
