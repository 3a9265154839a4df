/** When a legacy account becomes a link. Rules only: no HTTP, no SQL. */
import type { Link } from '../store/subjects.ts'
import type { Kind } from '../upstream/upstream.ts'

/**
 * A person who acts for an organisation acts not for himself: the portal hears nothing of his own accounts,
 * and none is linked on that occasion.
 */
const actsForSelf = (kind: Kind): boolean => kind !== 'representative'

/**
 * @param attested open accounts of the portal whose number equals VNeID's and was compared with the
 * population database: the one proof that links without a question. Never e-mail, phone, name or CMND.
 */
export function linksAtLogin(
  kind: Kind,
  known: { readonly links: readonly Link[]; readonly attested: readonly string[] },
): { readonly existing: readonly Link[]; readonly toLink: readonly string[] } {
  if (!actsForSelf(kind)) return { existing: [], toLink: [] }
  return { existing: known.links, toLink: known.attested }
}
