/** What a portal and its request require of the citizen, and when that needs a trip to VNeID. */
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
  /** True if the request itself asks for a level (`acr_values`). An organisation has no level and cannot meet it then. */
  readonly levelAsked: boolean
  /** Levels requested as an essential claim: the person must have exactly one of them (OIDC Core §5.5.1.1). */
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
 * @returns 'unknown' if the request lists only values that we do not support
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

/** What the `claims` parameter requests for one claim of the ID token. The engine has checked that it is JSON. */
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

/** The `sub`s that a request asks for, in `id_token_hint` and `claims`. No other person may sign in (OIDC Core §3.1.2.1, §5.5.1). */
export function subjectsAsked(params: Params): readonly string[] {
  const hint = params['id_token_hint'] as string | undefined
  // The engine has checked the hint's signature, issuer and audience.
  const hinted = hint === undefined ? undefined : decodeJwt(hint).sub
  return [hinted, claimAsked(params, 'sub').value].filter((sub) => sub !== undefined)
}

/** @returns the code of the refusal, or undefined if the person may enter; never lowers the requirement */
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
 * The maximum age in seconds of the authentication at VNeID for this request; 0 requires a new one, undefined allows any.
 * An older session never satisfies a prompt, an age or a level (OIDC Core §3.1.2.1).
 */
export function freshness(client: Client, params: Params, reasons: readonly string[]): number | undefined {
  const prompts = ((params['prompt'] as string | undefined) ?? '').split(' ')
  const again = ['session_reuse', 'level', 'kind', 'essential_acr', 'essential_acrs', 'legacy_account']
  if (prompts.includes('login') || reasons.some((reason) => again.includes(reason))) return 0
  // Another person is signed in than the one that the portal asks for: VNeID must not use that person's session again.
  const another = ['id_token_hint', 'claims_id_token_sub_value']
  if (!reasons.includes('no_session') && reasons.some((reason) => another.includes(reason))) return 0
  const ages = [params['max_age'], policyOf(client).session_max_age]
    .filter((age) => age !== undefined)
    .map(Number)
  return ages.length === 0 ? undefined : Math.min(...ages)
}

/**
 * The engine's checks, plus ours: a session must be reusable, and its person of a kind and level that the request admits.
 * `admit` runs last, when no check needs a trip to VNeID.
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
    // The person at the browser must confirm whose account it is. On a shared computer, the session may be another
    // person's.
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
  // Only VNeID could let a citizen choose an account, and it offers no such request (OIDC Core §3.1.2.1). The check comes
  // before the login, so that the citizen does not go to VNeID first.
  policy.add(
    new Prompt(
      { name: 'select_account', requestable: true },
      new Check('select_account', 'no account selection', 'account_selection_required', (ctx) => {
        if (ctx.oidc.prompts.has('select_account')) throw noAccountSelection()
        return Check.NO_NEED_TO_PROMPT
      }),
    ),
    0,
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

/** The values of `prompt` that we support. */
export const promptValues = ['none', 'login', 'consent']
const noAccountSelection = () =>
  new errors.CustomOIDCProviderError(
    'account_selection_required',
    'the citizen cannot choose an account here; use prompt=login',
  )

/**
 * Called if the same check fails again after a trip to VNeID. Another trip would loop forever.
 * @returns the error to send to the portal instead
 */
export function refusalAfterLogin(reasons: readonly string[]): Error {
  if (reasons.some((reason) => ['level', 'essential_acr', 'essential_acrs'].includes(reason))) {
    return new errors.UnmetAuthenticationRequirements('the requested assurance level could not be obtained')
  }
  if (reasons.includes('kind'))
    return new errors.AccessDenied('the portal does not admit this kind of person')
  return new errors.LoginRequired('another person signed in, or the authentication is too old')
}
