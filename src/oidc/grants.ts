/**
 * Grants come from policy, without a consent page: the state registers the portals, and VNeID shows the citizen what is
 * shared. Claims that the registry does not release are recorded as rejected.
 */
import { hash } from 'node:crypto'
import type { KoaContextWithOIDC as EngineContext, Provider } from 'oidc-provider'
import { arrivalOf } from './arrival.ts'
import { type BrokerGrant, type BrokerSession, fromRecord, toRecord } from './identity-record.ts'
import { type Requirement, requirementOf } from './policy.ts'
import { claimsByScope } from '../registry/scopes.ts'
import { policyOf } from '../registry/clients.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { Link } from '../mapping/links.ts'

/** Claims that the engine adds by itself (OIDC Core §2); scopes neither release nor withhold them. */
const engineClaims = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss'])

/** The existing grant or a new one, not yet saved. `admit` completes and saves it when every check has passed. */
export async function loadExistingGrant(ctx: EngineContext): Promise<BrokerGrant> {
  const { client, session, provider } = ctx.oidc as unknown as {
    client: NonNullable<EngineContext['oidc']['client']>
    session: BrokerSession
    provider: Provider
  }
  const arrival = arrivalOf(ctx)
  if (arrival !== undefined) {
    session.identity = toRecord(arrival.identity)
    session.signedInAt = Math.floor(Date.now() / 1000)
  }

  const grantId = session.grantIdFor(client.clientId)
  const existing: BrokerGrant | undefined =
    grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant: BrokerGrant =
    existing ?? new provider.Grant({ accountId: session.accountId!, clientId: client.clientId })
  if (session.sidFor(client.clientId) === undefined) {
    session.sidFor(client.clientId, derive('sid', session, client.clientId))
  }

  const scopes = [...ctx.oidc.requestParamOIDCScopes]
  grant.addOIDCScope(scopes.join(' '))
  const { claims: allowed } = policyOf(client)
  const standard = new Set<string>(
    scopes.flatMap((scope) => claimsByScope[scope as keyof typeof claimsByScope] ?? []),
  )
  const releasable = new Set<string>(
    client.scope?.split(' ').flatMap((scope) => claimsByScope[scope as keyof typeof claimsByScope] ?? []),
  )
  // Start from empty each time: the portal may be allowed now what it was refused before.
  Object.assign(grant, { rejected: {} })
  for (const claim of ctx.oidc.requestParamClaims) {
    if (engineClaims.has(claim)) continue
    const released = releasable.has(claim) && (allowed === undefined || allowed.includes(claim))
    if (released || standard.has(claim)) grant.addOIDCClaims([claim])
    else grant.rejectOIDCClaims([claim])
  }
  return grant
}

/**
 * Derives the id of a grant and the sid, so that two tabs that open one portal at the same time get the same ones. Signing
 * out of a portal changes the session's id, so a later grant gets another id and old tokens stay invalid.
 */
const derive = (what: string, { oldId, jti }: BrokerSession, clientId: string) =>
  hash('sha256', `${what}\0${oldId ?? jti}\0${clientId}`, 'base64url')

export type AdmitAgain = (
  identity: Identity,
  requirement: Requirement,
  ctx: EngineContext,
) => Promise<readonly Link[]>

/**
 * The last step before the code: stores the identity and this portal's links in the grant. If an existing session serves
 * the request, the person is looked up again, because links may be new and the subject may have been disabled.
 */
export function createAdmit({ again, now = Date.now }: { again: AdmitAgain; now?: () => number }) {
  return async function admit(ctx: EngineContext): Promise<void> {
    const session = ctx.oidc.session as BrokerSession
    const grant = ctx.oidc.grant as BrokerGrant
    const arrival = arrivalOf(ctx)
    if (session.identity === undefined) throw new Error('the session has no identity')
    grant.identity = session.identity
    grant.links =
      arrival?.links ??
      (await again(fromRecord(session.identity), requirementOf(ctx.oidc.client!, ctx.oidc.params!), ctx))
    grant.linksAt = Math.floor(now() / 1000)
    grant.linkOutcome = arrival?.linkOutcome
    // The session has no grant for this portal yet. A grant that follows a revoked one gets another id.
    const { clientId } = ctx.oidc.client!
    if (session.grantIdFor(clientId) === undefined) grant.jti = derive('grant', session, clientId)
    await grant.save()
    session.grantIdFor(clientId, grant.jti)
  }
}
