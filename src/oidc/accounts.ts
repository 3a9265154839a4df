/** Subject + links + scopes → claims. */
import { createHmac, createSecretKey } from 'node:crypto'
import { type Client, type FindAccount, errors } from 'oidc-provider'
import { acrOf } from './acr.ts'
import type { CurrentLinks, Link } from '../mapping/links.ts'
import { formersIn } from '../registry/engine-payload.ts'
import { policyOf } from '../registry/clients.ts'
import type { BrokerGrant, IdentityRecord } from './identity-record.ts'

/** Seconds for which the links read at sign-in answer the portal's calls; later calls read the current links. */
const linksMaxAge = 60

export function createFindAccount({
  links: currentLinks,
  formerSubs,
  now = Date.now,
}: {
  links: CurrentLinks
  formerSubs: FormerSubs
  now?: () => number
}): FindAccount {
  return async (ctx, accountId, token) => {
    // A refresh token may outlive the session by weeks, so check that its subject is still enabled.
    if (
      token?.kind === 'RefreshToken' &&
      (await currentLinks(accountId, String(token.clientId))) === undefined
    ) {
      return undefined
    }
    return {
      accountId,
      async claims(_use, scope, requested) {
        const { Grant: grant, Client: client } = ctx.oidc.entities as { Grant?: BrokerGrant; Client?: Client }
        if (grant?.identity === undefined || client === undefined) return { sub: accountId }
        const wantsLinks =
          scope.split(' ').includes('legacy_accounts') || 'legacy_accounts' in (requested ?? {})
        const { clientId } = client
        // Also without `legacy_accounts`: it shows that the subject is still enabled.
        const links = wantsLinks || !isFresh(grant) ? await linksNow(grant, accountId, clientId) : []
        const formers = formerSubs(client, accountId)
        const claims = {
          ...identityClaims(grant.identity),
          ...(formers && { former_sub: formers }),
          ...(wantsLinks && {
            legacy_accounts: links.map((link) => linkClaim(link, clientId)),
          }),
          ...(grant.linkOutcome && { legacy_account_link: grant.linkOutcome }),
        }
        const { claims: allowed } = policyOf(client)
        const released =
          allowed === undefined ? claims : pick(claims, ['kind', 'acr', 'former_sub', ...allowed])
        return { ...released, sub: accountId }
      },
    }
  }

  function isFresh({ linksAt = 0 }: BrokerGrant): boolean {
    return now() / 1000 - linksAt < linksMaxAge
  }

  async function linksNow(grant: BrokerGrant, subjectId: string, clientId: string): Promise<readonly Link[]> {
    if (grant.links !== undefined && isFresh(grant)) return grant.links
    const links = await currentLinks(subjectId, clientId)
    if (links === undefined) throw new errors.InvalidToken('the subject is disabled or no longer exists')
    return grant.identity?.kind === 'representative' ? [] : links
  }
}

/** Standard claims have their names from OIDC Core §5.1; `kind`, `citizen_id`, `organisation` and `legacy_…` are our own. */
function identityClaims(identity: IdentityRecord): Record<string, unknown> {
  const { kind, type, number, level, name, birthDate, gender, organisation } = identity
  return {
    kind,
    ...(level === undefined ? {} : { acr: acrOf(level) }),
    name,
    birthdate: birthDate,
    gender,
    ...(type === 'organisation_id' ? { organisation: { id: number, name } } : { [type]: number }),
    ...(organisation && { organisation: { id: organisation.number, name: organisation.name } }),
  }
}

const linkClaim = ({ portal, accountId, method, linkedAt, isPrimary }: Link, clientId: string) => ({
  id: accountId,
  ...(portal !== clientId && { portal }),
  method,
  linked_at: linkedAt,
  primary: isPrimary,
})

const pick = (claims: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))

/** Pairwise `sub` (OIDC Core §8.1): equal for all clients of a sector, unlinkable between sectors. */
function createSubIn(raw: Buffer): (sector: string, accountId: string) => string {
  const key = createSecretKey(raw)
  return (sector, accountId) =>
    createHmac('sha256', key).update(`${sector}\0${accountId}`).digest('base64url')
}

export function createPairwiseIdentifier(raw: Buffer) {
  const subIn = createSubIn(raw)
  return (_ctx: unknown, accountId: string, client: Client): string => {
    const sector = client.sectorIdentifier
    if (typeof sector !== 'string')
      throw new TypeError('a pairwise client must have a sector: a redirect URI or sector_identifier_uri')
    return subIn(sector, accountId)
  }
}

/** The person's `sub` at each portal that was merged into this one, by portal id; undefined if none was. */
export type FormerSubs = (client: Client, accountId: string) => Record<string, string> | undefined

export function createFormerSubs(raw: Buffer): FormerSubs {
  const subIn = createSubIn(raw)
  return (client, accountId) => {
    const subs = formersIn(client).map(
      ({ portal, sector }) => [portal, sector === null ? accountId : subIn(sector, accountId)] as const,
    )
    return subs.length === 0 ? undefined : Object.fromEntries(subs)
  }
}

/** The person's `sub` at a portal; undefined for a portal without sign-ins, which has no sector. */
export type SubOf = (client: Client, subjectId: string) => string | undefined

export function createSubOf(raw: Buffer): SubOf {
  const pairwise = createPairwiseIdentifier(raw)
  return (client, subjectId) => {
    if (client.subjectType !== 'pairwise') return subjectId
    const hasSector = client.sectorIdentifierUri !== undefined || (client.redirectUris ?? []).length > 0
    return hasSector ? pairwise(undefined, subjectId, client) : undefined
  }
}
