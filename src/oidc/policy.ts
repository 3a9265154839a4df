/** What one portal, by one request, asks of the citizen; and when that sends the citizen to VNeID. */
import { decodeJwt } from 'jose'
import {
  type Client,
  type KoaContextWithOIDC as EngineContext,
  errors,
  interactionPolicy,
} from 'oidc-provider'
import type { Identity } from '../upstream/upstream.ts'
import { type Level, levels } from '../vocabulary.ts'
import { acrOf } from './acr.ts'
import { policyOf } from '../registry/clients.ts'
import { arrivalOf } from './arrival.ts'
import type { BrokerSession } from './identity-record.ts'

export interface Requirement {
  readonly clientId: string
  readonly kinds: readonly string[]
  readonly level: Level | 'unknown'
  /** Asked by the request itself: then an organisation, which has no level, cannot meet it. */
  readonly levelAsked: boolean
  /** Asked as an essential claim: one of these, exactly (OIDC Core §5.5.1.1). */
  readonly essentialAcrs: readonly string[] | undefined
}

type Params = Readonly<Record<string, unknown>>

export function requirementOf(client: Client, params: Params): Requirement {
  const policy = policyOf(client)
  const asked = params['acr_values'] as string | undefined
  return {
    clientId: client.clientId,
    kinds: policy.kinds,
    level: requiredLevel(asked, policy.minimum_level),
    levelAsked: asked !== undefined,
    essentialAcrs: essentialAcrs(params),
  }
}

const levelOf = (acr: string): Level | undefined => levels.find((level) => acrOf(level) === acr)

/**
 * The lowest level that satisfies a request. `acr_values` (OIDC Core §3.1.2.1) lists alternatives: the
 * lowest known one is enough, but never less than the portal's own minimum.
 * @returns 'unknown' when only values are asked for that nobody here can give
 */
function requiredLevel(asked: string | undefined, minimum: Level): Level | 'unknown' {
  if (asked === undefined) return minimum
  const known = asked
    .split(' ')
    .map(levelOf)
    .filter((level) => level !== undefined)
  if (known.length === 0) return 'unknown'
  return Math.max(minimum, Math.min(...known)) as Level
}

interface ClaimRequest {
  readonly essential?: boolean
  readonly value?: string
  readonly values?: readonly string[]
}

/** What the `claims` parameter asks of one claim of the ID token; the engine has seen that it is JSON. */
function claimAsked(params: Params, name: string): ClaimRequest {
  const { id_token: claims } = JSON.parse((params['claims'] as string | undefined) ?? '{}') as {
    id_token?: Record<string, ClaimRequest | null>
  }
  return claims?.[name] ?? {}
}

function essentialAcrs(params: Params): readonly string[] | undefined {
  const { essential, value, values } = claimAsked(params, 'acr')
  if (essential !== true) return undefined
  return value === undefined ? values : [value]
}

/** Whom a request speaks of, by the `sub` that the portal knows: nobody else may come back (OIDC Core §3.1.2.1, §5.5.1). */
export function subjectsAsked(params: Params): readonly string[] {
  const hint = params['id_token_hint'] as string | undefined
  // The engine has checked the hint's signature, issuer and audience.
  const hinted = hint === undefined ? undefined : decodeJwt(hint).sub
  return [hinted, claimAsked(params, 'sub').value].filter((sub) => sub !== undefined)
}

/** The code of the refusal, or undefined when the person may enter. Never a downgrade. */
export function unmet(
  { kind, level }: Pick<Identity, 'kind' | 'level'>,
  asked: Requirement,
): 'kind_unauthorised' | 'kind_not_admitted' | 'level_unmet' | undefined {
  if (kind === 'unauthorised_member') return 'kind_unauthorised'
  if (!asked.kinds.includes(kind)) return 'kind_not_admitted'
  if (asked.essentialAcrs?.includes(level === undefined ? '' : acrOf(level)) === false) return 'level_unmet'
  if (kind === 'organisation' && !asked.levelAsked) return undefined
  return asked.level === 'unknown' || level === undefined || level < asked.level ? 'level_unmet' : undefined
}

/**
 * How old an authentication at VNeID may be for this request, in seconds; 0: a new one; undefined: any.
 * A prompt, an age or a level is never satisfied by an older session (OIDC Core §3.1.2.1).
 */
export function freshness(client: Client, params: Params, reasons: readonly string[]): number | undefined {
  const prompts = ((params['prompt'] as string | undefined) ?? '').split(' ')
  const again = ['session_reuse', 'level', 'kind', 'essential_acr', 'essential_acrs', 'legacy_account']
  if (prompts.includes('login') || reasons.some((reason) => again.includes(reason))) return 0
  // Someone else is signed in than the portal waits for: VNeID must not answer by that same session again.
  const another = ['id_token_hint', 'claims_id_token_sub_value']
  if (!reasons.includes('no_session') && reasons.some((reason) => another.includes(reason))) return 0
  const ages = [params['max_age'], policyOf(client).session_max_age]
    .filter((age) => age !== undefined)
    .map(Number)
  return ages.length === 0 ? undefined : Math.min(...ages)
}

/**
 * The engine's prompts, plus ours: a session must be reusable, admitted and of the level asked for.
 * `admit` runs once everything else is settled, for a session that needs no trip to VNeID.
 */
export function createInteractionPolicy({ admit }: { admit: (ctx: EngineContext) => Promise<void> }) {
  const { Check, Prompt, base } = interactionPolicy
  const ask = (
    reason: string,
    description: string,
    error: string,
    isUnmet: (ctx: EngineContext) => boolean,
  ) =>
    new Check(reason, description, error, (ctx) =>
      ctx.oidc.session?.accountId !== undefined && isUnmet(ctx)
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    )
  const identityUnmet = (ctx: EngineContext) => {
    const { identity } = ctx.oidc.session as BrokerSession
    if (arrivalOf(ctx) !== undefined) return undefined
    return identity === undefined
      ? 'kind_not_admitted'
      : unmet(identity, requirementOf(ctx.oidc.client!, ctx.oidc.params!))
  }

  const policy = base()
  policy.get('login')!.checks.push(
    // Whose old account it is, the one who is here now must say: at a shared computer that need not be who was.
    new Check('legacy_account', 'a portal vouches for an old account', 'login_required', (ctx) =>
      ctx.oidc.params?.['legacy_account'] !== undefined && arrivalOf(ctx) === undefined
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    ),
    ask('session_reuse', 'the portal asks for a new authentication', 'login_required', (ctx) => {
      if (arrivalOf(ctx) !== undefined) return false
      const { session_reuse: reuse, session_max_age: age } = policyOf(ctx.oidc.client!)
      return !reuse || (age !== undefined && ctx.oidc.session!.past(age))
    }),
    ask(
      'level',
      'a higher assurance level is needed',
      'unmet_authentication_requirements',
      (ctx) => identityUnmet(ctx) === 'level_unmet',
    ),
    ask('kind', 'the portal does not admit this kind of person', 'access_denied', (ctx) =>
      ['kind_not_admitted', 'kind_unauthorised'].includes(identityUnmet(ctx) ?? ''),
    ),
  )
  policy.add(
    new Prompt(
      { name: 'mapping', requestable: false },
      new Check('mapping', 'the accounts of the portal', 'interaction_required', async (ctx) => {
        await admit(ctx)
        return Check.NO_NEED_TO_PROMPT
      }),
    ),
  )
  return policy
}

/**
 * VNeID was asked and the same reason comes again: asking once more would loop for ever.
 * @returns the error that the portal hears instead
 */
export function refusalAfterLogin(reasons: readonly string[]): Error {
  if (reasons.some((reason) => ['level', 'essential_acr', 'essential_acrs'].includes(reason))) {
    return new errors.UnmetAuthenticationRequirements('the requested assurance level could not be obtained')
  }
  if (reasons.includes('kind'))
    return new errors.AccessDenied('the portal does not admit this kind of person')
  return new errors.LoginRequired('another person signed in, or the authentication is too old')
}
