/**
 * `legacy_account`: the portal has authenticated this old account of its own, by this id. Its word counts only when
 * it is the portal's own: pushed by a client that proved who it is (RFC 9126), or in a request object that it signed
 * (RFC 9101). Whatever a browser carries in clear, anybody may have written.
 */
import { type Client, type KoaContextWithOIDC as EngineContext, errors } from 'oidc-provider'

const longest = 256

/** The engine asks for every authorization request, with what it took for the parameter's value. */
export function checkLegacyAccount(ctx: EngineContext, value: string | undefined, client: Client): void {
  // Beside a pushed request or a request object the engine drops the parameter: better to say so.
  if ('legacy_account' in besides(ctx) || (value !== undefined && !isOwnWord(ctx))) {
    throw new errors.InvalidRequest(
      'legacy_account must be pushed (RFC 9126) or be in a signed request object (RFC 9101)',
    )
  }
  if (value === undefined) return
  if (client.clientAuthMethod === 'none')
    throw new errors.InvalidRequest('legacy_account is for confidential clients')
  if (!client.scope?.split(' ').includes('legacy_accounts'))
    throw new errors.InvalidRequest('legacy_account needs the registered scope legacy_accounts')
  if (value.length > longest)
    throw new errors.InvalidRequest(`legacy_account is longer than ${longest} characters`)
}

const isPush = ({ oidc }: EngineContext) => oidc.route === 'pushed_authorization_request'

/** Parameters that are neither pushed nor signed. */
function besides(ctx: EngineContext): object {
  if (!isPush(ctx)) return ctx.query
  const body = ctx.oidc.body ?? {}
  return body['request'] === undefined ? {} : body
}

/** A client authenticates to push; on the way back the engine tells which parameters it may trust. */
const isOwnWord = (ctx: EngineContext): boolean =>
  isPush(ctx) || (ctx.oidc as { trusted?: readonly string[] }).trusted?.includes('legacy_account') === true
