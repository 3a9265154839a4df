/**
 * Request parameters by which a portal vouches for an account. `legacy_account`: the portal has authenticated the account
 * with this id. `legacy_account_portal`: the portal that owned the account, if that portal was merged into this one. They
 * count only if they come from the portal: pushed by an authenticated client (RFC 9126) or in a request object that it
 * signed (RFC 9101). Anybody could have written a parameter that the browser carries in clear.
 */
import { type Client, type KoaContextWithOIDC as EngineContext, errors } from 'oidc-provider'
import { faultOfId } from '../vocabulary.ts'
import { keyOf } from './unit-of-work.ts'

/** Checks that the engine calls for every authorization request, with the value that it takes for each parameter. */
export const legacyAccountParams = {
  legacy_account: checkParameter('legacy_account', 256),
  legacy_account_portal(ctx: EngineContext, value: string | undefined, client: Client) {
    checkParameter('legacy_account_portal', 64)(ctx, value, client)
    if (value !== undefined && ctx.oidc.params?.['legacy_account'] === undefined)
      throw new errors.InvalidRequest('legacy_account_portal needs legacy_account')
  },
}

/** The account that a request names, and the portal that it names as the account's owner. */
export function legacyAccountOf(
  params: Readonly<Record<string, unknown>>,
): { readonly id: string; readonly owner: string | undefined } | undefined {
  const { legacy_account: id, legacy_account_portal: owner } = params as Record<string, string | undefined>
  return id === undefined ? undefined : { id, owner }
}

function checkParameter(name: string, maxLength: number) {
  return (ctx: EngineContext, value: string | undefined, client: Client): void => {
    // The engine silently ignores a parameter beside a pushed request or a request object; we refuse it instead.
    if (name in untrustedParams(ctx) || (value !== undefined && !isFromPortal(ctx, name))) {
      throw new errors.InvalidRequest(
        `${name} must be pushed (RFC 9126) or be in a signed request object (RFC 9101)`,
      )
    }
    if (value === undefined) return
    if (client.clientAuthMethod === 'none')
      throw new errors.InvalidRequest(`${name} needs a confidential client`)
    if (!client.scope?.split(' ').includes('legacy_accounts'))
      throw new errors.InvalidRequest(`${name} needs the registered scope legacy_accounts`)
    if (value.length > maxLength)
      throw new errors.InvalidRequest(`${name} must have at most ${maxLength} characters`)
    const fault = value === '' ? undefined : faultOfId(value)
    if (fault !== undefined) throw new errors.InvalidRequest(`${name} is not a usable id: ${fault}`)
  }
}

/** Keys of request objects that name an account, by the request that opened one. */
const usedOnce = new WeakMap<object, string>()

/**
 * A signed request object passes through browsers. One that names an account gives a right, so it must count only once: it
 * needs a `jti`, which `login/trip.ts` claims when the first sign-in with it returns from VNeID. A pushed request is
 * already used once.
 * @throws what `fault` makes
 */
export function requireUsedOnce(
  ctx: EngineContext,
  claims: Readonly<Record<string, unknown>>,
  client: Client,
  fault: (message: string) => Error,
): void {
  const isByValue = !isPush(ctx) && ctx.oidc.entities.PushedAuthorizationRequest === undefined
  if (!isByValue || (claims['legacy_account'] ?? '') === '') return
  const { jti } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > 256)
    throw fault('jti is required with legacy_account, and has at most 256 characters')
  usedOnce.set(ctx, keyOf('RequestObject', `${client.clientId} ${jti}`))
}

/** What the interaction must remember of the request that began it. */
export const rememberUsedOnce = (ctx: object | undefined): { usedOnce?: string } => {
  const key = ctx && usedOnce.get(ctx)
  return key === undefined ? {} : { usedOnce: key }
}

const isPush = ({ oidc }: EngineContext) => oidc.route === 'pushed_authorization_request'

/** Parameters that are neither pushed nor signed. */
function untrustedParams(ctx: EngineContext): object {
  if (!isPush(ctx)) return ctx.query
  const body = ctx.oidc.body ?? {}
  return body['request'] === undefined ? {} : body
}

/** True while the portal pushes, for which it authenticated; afterwards the engine lists the parameters that it trusts. */
const isFromPortal = (ctx: EngineContext, name: string): boolean =>
  isPush(ctx) || (ctx.oidc as { trusted?: readonly string[] }).trusted?.includes(name) === true
