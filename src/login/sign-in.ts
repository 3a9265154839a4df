/** Identity → subject, or a refusal. No HTTP. Two round trips to the database, whoever comes. */
import { randomUUID } from 'node:crypto'
import { announce } from '../audit.ts'
import type { AuditEvent } from '../audit.ts'
import { type CitizenKeys, disagreements } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../log.ts'
import { linksAtLogin } from '../mapping/linking.ts'
import { type Requirement, unmet } from '../oidc/policy.ts'
import { insertAuditEvents } from '../store/audit.ts'
import { type Db, isUniqueViolation } from '../store/db.ts'
import { type Link, findForSignIn, findLinks, recordSignIn } from '../store/subjects.ts'
import type { Identity } from '../upstream/upstream.ts'

export interface SignedIn {
  readonly subjectId: string
  readonly links: readonly Link[]
}

export type SignIn = (
  identity: Identity,
  occasion: {
    readonly requirement: Requirement
    readonly reference: string
    readonly sso: boolean
    /** Whether the request speaks of this person; of somebody not yet known it never does. */
    readonly isAskedFor?: (subjectId: string | undefined) => boolean
  },
) => Promise<SignedIn>

export function createSignIn({
  db,
  citizenKeys,
  log,
}: {
  db: Db
  citizenKeys: CitizenKeys
  log: Log
}): SignIn {
  return async function signIn(identity, { requirement, reference, sso, isAskedFor }) {
    const refusal = unmet(identity, requirement)
    if (refusal !== undefined) throw new BrokerError(refusal)
    const { identifier } = identity
    const { clientId } = requirement
    const keys = citizenKeys.keys(identifier)

    // Someone else may register the same number between our two statements: the second then fails whole.
    for (let attempt = 0; ; attempt++) {
      const known = await findForSignIn(db, identifier.type, keys, clientId)
      if (known.subject?.cancelled) throw new BrokerError('identifier_cancelled')
      if (known.subject?.disabled) throw new BrokerError('subject_disabled')
      if (isAskedFor?.(known.subject?.id) === false) throw new BrokerError('login_mismatch')

      const subjectId = known.subject?.id ?? randomUUID()
      const { existing, toLink } = linksAtLogin(identity.kind, known)
      const about = { clientId, subjectId, actor: 'citizen', reference }
      const warnings = disagreements(identifier, identity)
      const events: AuditEvent[] = [
        ...(known.subject
          ? []
          : [{ event: 'subject.created' as const, ...about, detail: { kind: identity.kind } }]),
        {
          event: 'login.completed',
          ...about,
          detail: {
            kind: identity.kind,
            ...(identity.level === undefined ? {} : { level: identity.level }),
            sso,
            auth_time: identity.authenticatedAt,
            ...(warnings.length > 0 ? { number_disagrees: warnings } : {}),
          },
        },
      ]
      if (known.subject !== undefined && toLink.length === 0) {
        await insertAuditEvents(db, events)
        announce(log, events)
        return { subjectId, links: existing }
      }
      try {
        const made = await recordSignIn(db, {
          subjectId,
          ...(known.subject
            ? {}
            : {
                create: {
                  kind: identity.kind === 'representative' ? 'citizen' : identity.kind,
                  identifierId: randomUUID(),
                  sealed: citizenKeys.seal(identifier),
                },
              }),
          type: identifier.type,
          keys,
          clientId,
          accountIds: toLink,
          method: 'attested_number',
          actor: 'citizen',
          reference,
          events,
        })
        const linked = made.map(({ id, method }) => ({
          event: 'link.created' as const,
          ...about,
          detail: { link: id, method },
        }))
        announce(log, [...linked, ...events])
        if (made.length === toLink.length) return { subjectId, links: [...existing, ...made] }
        // Another tab of the same person linked meanwhile: both shall hear of it.
        return { subjectId, links: (await findLinks(db, subjectId, clientId)) ?? [] }
      } catch (error) {
        if (!isUniqueViolation(error) || attempt >= 2) throw error
      }
    }
  }
}
