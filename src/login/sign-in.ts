/**
 * Identity → subject, or a refusal (a BrokerError). No HTTP. The steps, in this order:
 *
 * 1. `unmet`: the person is of a kind and level that the portal, by this request, admits.
 * 2. `operators.admit`: at the operators' console, the person is an operator.
 * 3. `find`: the number leads to a subject that may sign in, and to the one that the request speaks of.
 * 4. `wantedAtLogin`: the rules say which legacy accounts become links, and which become cases.
 * 5. `write`: one statement writes the subject, links, cases and audit events, as far as step 4 still holds.
 *
 * Steps 3 and 5 take one round trip to the database each, for known and new persons alike.
 */
import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../audit.ts'
import { disagreements } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { record, recordWith } from '../recording.ts'
import { type Link, openLink, ownerMeant } from '../mapping/links.ts'
import { type WantedChanges, actsForSelf, wantedAtLogin } from '../mapping/linking.ts'
import { consoleId } from '../operators/console.ts'
import { type Requirement, unmet } from '../oidc/policy.ts'
import type { Parts } from '../parts.ts'
import { retried } from '../store/db.ts'
import { type Known, findForSignIn, writeSignIn } from '../store/subjects.ts'
import { tallyLogin } from '../telemetry/tally.ts'
import type { Identity } from '../upstream/upstream.ts'
import { createOperatorGate } from './operator-gate.ts'

export interface SignedIn {
  readonly subjectId: string
  readonly links: readonly Link[]
}

export interface Occasion {
  readonly requirement: Requirement
  readonly reference: string
  /** True if an existing session answers the request, without a trip to VNeID. */
  readonly sso: boolean
  /** Whether the request (`id_token_hint`, `claims.sub`) asks for this subject; false for a person without a subject, if it names one. */
  readonly isAskedFor?: (subjectId: string | undefined) => boolean
  /** The account that the portal vouches for: its id at the portal, and the portal that owns it if another. */
  readonly legacyAccount?: { readonly id: string; readonly owner: string | undefined } | undefined
}

export type SignIn = (identity: Identity, occasion: Occasion) => Promise<SignedIn>

/** What step 3 found, and what the later steps need to read or write it again. */
interface Found {
  readonly subjectId: string
  readonly known: Known
  readonly keys: readonly Buffer[]
  readonly portals: readonly string[]
  /** The keys, base64, of the account that the portal vouches for. */
  readonly vouched: readonly string[]
}

export function createSignIn({
  db,
  citizenKeys,
  records,
  links: currentLinks,
  portalsOf,
  mappingPolicyOf,
  log,
}: Pick<
  Parts,
  'db' | 'citizenKeys' | 'records' | 'links' | 'portalsOf' | 'mappingPolicyOf' | 'log'
>): SignIn {
  const operators = createOperatorGate({ db, citizenKeys })

  async function find(
    { identifier }: Identity,
    { requirement, isAskedFor, legacyAccount }: Occasion,
  ): Promise<Found> {
    const keys = citizenKeys.keys(identifier)
    const portals = portalsOf(requirement.clientId)
    const known = await findForSignIn(db, identifier.type, keys, portals)
    if (known.subject?.cancelled) throw new BrokerError('identifier_cancelled')
    if (known.subject?.disabled) throw new BrokerError('subject_disabled')
    if (isAskedFor?.(known.subject?.id) === false) throw new BrokerError('login_mismatch')
    const owner = legacyAccount && ownerMeant(portals, legacyAccount.owner)
    const vouched =
      owner === undefined ? [] : [records.accountKey(owner, legacyAccount!.id).toString('base64')]
    return { subjectId: known.subject?.id ?? randomUUID(), known, keys, portals, vouched }
  }

  const wantedBy = (identity: Identity, { known, subjectId, vouched }: Found): WantedChanges =>
    wantedAtLogin(identity, known, subjectId, mappingPolicyOf, records, vouched)

  function write(
    { identifier }: Identity,
    { subjectId, keys, portals }: Found,
    { requirement, reference }: Occasion,
    change: WantedChanges & Pick<Parameters<typeof writeSignIn>[1], 'create' | 'events'>,
  ) {
    const about = { subjectId, actor: 'citizen', reference, at: requirement.clientId }
    return recordWith(log, writeSignIn(db, { type: identifier.type, keys, portals, ...about, ...change }))
  }

  /** Steps 3 to 5. */
  async function once(identity: Identity, occasion: Occasion, operator?: string): Promise<SignedIn> {
    const found = await find(identity, occasion)
    const { known, subjectId } = found
    const existing = actsForSelf(identity.kind) ? known.links.map((link) => openLink(records, link)) : []
    const wanted = wantedBy(identity, found)
    const events = eventsOf(identity, found, occasion, operator)
    if (known.subject !== undefined && wanted.links.length + wanted.cases.length === 0) {
      await record({ db, log }, events)
      return { subjectId, links: existing }
    }
    const made = await write(identity, found, occasion, {
      ...wanted,
      create: known.subject === undefined ? newSubject(identity) : undefined,
      events,
    })
    const isAll = made.links.length === wanted.links.length && made.cases.length === wanted.cases.length
    if (isAll)
      return { subjectId, links: [...existing, ...made.links.map((link) => openLink(records, link))] }
    await again(identity, found, occasion)
    // Another login of the same person created the links meanwhile. Both logins report them.
    return { subjectId, links: (await currentLinks(subjectId, occasion.requirement.clientId)) ?? [] }
  }

  const newSubject = ({ identifier, kind }: Identity) => ({
    kind: kind === 'representative' ? 'citizen' : kind,
    identifierId: randomUUID(),
    sealed: citizenKeys.seal(identifier),
  })

  /** Some accounts changed between our two statements (re-sealing is enough). Reads them again and applies the rules to what they are now. */
  async function again(identity: Identity, before: Found, occasion: Occasion): Promise<void> {
    const { subjectId, keys, portals } = before
    for (let attempt = 0; attempt < 5; attempt++) {
      const known = await findForSignIn(db, identity.identifier.type, keys, portals)
      if (known.subject?.id !== subjectId) return
      const found = { ...before, known }
      const wanted = wantedBy(identity, found)
      if (wanted.links.length + wanted.cases.length === 0) return
      await write(identity, found, occasion, { ...wanted, events: [] })
    }
  }

  return async function signIn(identity, occasion) {
    const { requirement } = occasion
    const refusal = unmet(identity, requirement)
    if (refusal !== undefined) throw new BrokerError(refusal)
    const operator = requirement.clientId === consoleId ? await operators.admit(identity) : undefined
    // Another login may create the same number between our two statements. The second statement then fails as a whole,
    // and both are run again.
    const signedIn = await retried(() => once(identity, occasion, operator?.id))
    tallyLogin(requirement.clientId)
    if (operator !== undefined) await operators.renewKeys(operator, identity)
    return signedIn
  }
}

function eventsOf(
  identity: Identity,
  { subjectId, known }: Found,
  { requirement: { clientId }, reference, sso }: Occasion,
  operator: string | undefined,
): AuditEvent[] {
  const { kind, level, authenticatedAt } = identity
  const about = { clientId, subjectId, actor: 'citizen', reference }
  const warnings = disagreements(identity.identifier, identity)
  const detail = {
    kind,
    ...(level === undefined ? {} : { assurance_level: level }),
    sso,
    auth_time: authenticatedAt,
    ...(warnings.length > 0 ? { number_disagrees: warnings } : {}),
  }
  const events: AuditEvent[] = [{ event: 'login.completed', ...about, detail }]
  if (known.subject === undefined) events.unshift({ event: 'subject.created', ...about, detail: { kind } })
  if (operator !== undefined)
    events.push({ event: 'operator.signed_in', actor: operator, subjectId, reference })
  return events
}
