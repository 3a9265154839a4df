/**
 * `legacy_account`: the portal has authenticated this old account, by this id; `legacy_account_portal`: whose it is,
 * where another portal went over into this one. Its word counts only when it is the portal's own: pushed by a client that proved who it is (RFC 9126), or in a request object that it signed
 * (RFC 9101). Whatever a browser carries in clear, anybody may have written.
 */
import { type Client, type KoaContextWithOIDC as EngineContext, errors } from 'oidc-provider'

/** The engine asks for every authorization request, with what it took for each parameter's value. */
export const legacyAccountParams = {
  legacy_account: checkWord('legacy_account', 256),
  legacy_account_portal(ctx: EngineContext, value: string | undefined, client: Client) {
    checkWord('legacy_account_portal', 64)(ctx, value, client)
    if (value !== undefined && ctx.oidc.params?.['legacy_account'] === undefined)
      throw new errors.InvalidRequest('legacy_account_portal stands without legacy_account')
  },
}

/** The account that a request names, and whose it says that is. */
export function legacyAccountOf(
  params: Readonly<Record<string, unknown>>,
): { readonly id: string; readonly owner: string | undefined } | undefined {
  const { legacy_account: id, legacy_account_portal: owner } = params as Record<string, string | undefined>
  return id === undefined ? undefined : { id, owner }
}

function checkWord(name: string, longest: number) {
  return (ctx: EngineContext, value: string | undefined, client: Client): void => {
    // Beside a pushed request or a request object the engine drops the parameter: better to say so.
    if (name in besides(ctx) || (value !== undefined && !isOwnWord(ctx, name))) {
      throw new errors.InvalidRequest(
        `${name} must be pushed (RFC 9126) or be in a signed request object (RFC 9101)`,
      )
    }
    if (value === undefined) return
    if (client.clientAuthMethod === 'none')
      throw new errors.InvalidRequest(`${name} is for confidential clients`)
    if (!client.scope?.split(' ').includes('legacy_accounts'))
      throw new errors.InvalidRequest(`${name} needs the registered scope legacy_accounts`)
    if (value.length > longest)
      throw new errors.InvalidRequest(`${name} is longer than ${longest} characters`)
  }
}

const isPush = ({ oidc }: EngineContext) => oidc.route === 'pushed_authorization_request'

/** Parameters that are neither pushed nor signed. */
function besides(ctx: EngineContext): object {
  if (!isPush(ctx)) return ctx.query
  const body = ctx.oidc.body ?? {}
  return body['request'] === undefined ? {} : body
}

/** A client authenticates to push; on the way back the engine tells which parameters it may trust. */
const isOwnWord = (ctx: EngineContext, name: string): boolean =>
  isPush(ctx) || (ctx.oidc as { trusted?: readonly string[] }).trusted?.includes(name) === true
