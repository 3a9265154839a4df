/** Identity → subject, or a refusal. No HTTP. Two round trips to the database, whoever comes. */
import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../audit.ts'
import { type CitizenKeys, disagreements } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { record, recordWith } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import { wantedAtLogin } from '../mapping/at-login.ts'
import { type CurrentLinks, type Link, type PortalsOf, openLink, ownerMeant } from '../mapping/links.ts'
import { actsForSelf } from '../mapping/linking.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import type { ClientPolicy } from '../registry/clients.ts'
import { type Requirement, unmet } from '../oidc/policy.ts'
import { type Db, retried } from '../store/db.ts'
import { findForSignIn, writeSignIn } from '../store/subjects.ts'
import { tallyLogin } from '../telemetry/tally.ts'
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
    /** The account that the portal vouches for, by its own id. */
    readonly legacyAccount?: { readonly id: string; readonly owner: string | undefined } | undefined
    /** What else the audit shall say of it. */
    readonly also?: (subjectId: string) => readonly AuditEvent[]
  },
) => Promise<SignedIn>

export function createSignIn({
  db,
  citizenKeys,
  records,
  links: currentLinks,
  portalsOf,
  mappingPolicyOf,
  log,
}: {
  db: Db
  citizenKeys: CitizenKeys
  records: LegacyRecords
  links: CurrentLinks
  portalsOf: PortalsOf
  mappingPolicyOf: (clientId: string) => ClientPolicy['mapping']
  log: Log
}): SignIn {
  async function once(
    identity: Identity,
    { requirement, reference, sso, isAskedFor, legacyAccount, also }: Parameters<SignIn>[1],
  ): Promise<SignedIn> {
    const { identifier, kind } = identity
    const { clientId } = requirement
    const keys = citizenKeys.keys(identifier)
    const portals = portalsOf(clientId)
    const known = await findForSignIn(db, identifier.type, keys, portals)
    if (known.subject?.cancelled) throw new BrokerError('identifier_cancelled')
    if (known.subject?.disabled) throw new BrokerError('subject_disabled')
    if (isAskedFor?.(known.subject?.id) === false) throw new BrokerError('login_mismatch')

    const subjectId = known.subject?.id ?? randomUUID()
    const existing = actsForSelf(kind) ? known.links.map((link) => openLink(records, link)) : []
    const owner = legacyAccount && ownerMeant(portals, legacyAccount.owner)
    const vouched =
      owner === undefined ? [] : [records.accountKey(owner, legacyAccount!.id).toString('base64')]
    const wanted = wantedAtLogin(identity, known, subjectId, mappingPolicyOf, records, vouched)
    const about = { clientId, subjectId, actor: 'citizen', reference }
    const warnings = disagreements(identifier, identity)
    const events: AuditEvent[] = [
      ...(known.subject ? [] : [{ event: 'subject.created' as const, ...about, detail: { kind } }]),
      {
        event: 'login.completed',
        ...about,
        detail: {
          kind,
          ...(identity.level === undefined ? {} : { level: identity.level }),
          sso,
          auth_time: identity.authenticatedAt,
          ...(warnings.length > 0 ? { number_disagrees: warnings } : {}),
        },
      },
      ...(also?.(subjectId) ?? []),
    ]
    if (known.subject !== undefined && wanted.links.length + wanted.cases.length === 0) {
      await record({ db, log }, events)
      return { subjectId, links: existing }
    }
    const writing = writeSignIn(db, {
      subjectId,
      create: known.subject
        ? undefined
        : {
            kind: kind === 'representative' ? 'citizen' : kind,
            identifierId: randomUUID(),
            sealed: citizenKeys.seal(identifier),
          },
      type: identifier.type,
      keys,
      portals,
      ...wanted,
      actor: 'citizen',
      reference,
      at: clientId,
      events,
    })
    const made = await recordWith(log, writing)
    const isAll = made.links.length === wanted.links.length && made.cases.length === wanted.cases.length
    if (isAll)
      return { subjectId, links: [...existing, ...made.links.map((link) => openLink(records, link))] }
    await again(identity, { subjectId, clientId, keys, portals, vouched, reference })
    // Another tab of the same person linked meanwhile: both shall hear of it.
    return { subjectId, links: (await currentLinks(subjectId, clientId)) ?? [] }
  }

  /** Accounts that were written to between our two statements, sealed anew at least: read and judged as they are now. */
  async function again(
    identity: Identity,
    {
      subjectId,
      clientId,
      keys,
      portals,
      vouched,
      reference,
    }: {
      subjectId: string
      clientId: string
      keys: readonly Buffer[]
      portals: ReturnType<PortalsOf>
      vouched: readonly string[]
      reference: string
    },
  ): Promise<void> {
    const { type } = identity.identifier
    for (let attempt = 0; attempt < 5; attempt++) {
      const known = await findForSignIn(db, type, keys, portals)
      if (known.subject?.id !== subjectId) return
      const wanted = wantedAtLogin(identity, known, subjectId, mappingPolicyOf, records, vouched)
      if (wanted.links.length + wanted.cases.length === 0) return
      const about = { subjectId, actor: 'citizen', reference, at: clientId, events: [] }
      await recordWith(log, writeSignIn(db, { type, keys, portals, ...wanted, ...about }))
    }
  }

  return async function signIn(identity, occasion) {
    const refusal = unmet(identity, occasion.requirement)
    if (refusal !== undefined) throw new BrokerError(refusal)
    // Someone else may register the same number between our two statements: the second then fails whole.
    const signedIn = await retried(() => once(identity, occasion))
    tallyLogin(occasion.requirement.clientId)
    return signedIn
  }
}
