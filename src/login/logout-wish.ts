/**
 * What a portal's logout request names: the portal, its ID token, and where the citizen goes afterwards. A wrong name never
 * keeps the citizen signed in. The logout goes on as if nothing had been named, and its page says so.
 */
import type { ParsedUrlQuery } from 'node:querystring'
import type { Context } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import { audienceOf, logoutFault } from '../oidc/logout.ts'
import type { Parts } from '../parts.ts'
import { tallyRefusal } from '../telemetry/tally.ts'

const wrong = new WeakSet<Context>()
/** Whether the portal's logout request was dropped because it named something wrong. */
export const hadWrongWish = (ctx: Context): boolean => wrong.has(ctx)

/** Drops the parameters of a portal that is out of service, and those that the engine would refuse. */
export async function dropUnusableWish(
  { log, provider, registry }: Pick<Parts, 'log' | 'provider' | 'registry'>,
  ctx: Context,
): Promise<void> {
  const isOut = registry.isOutOfService(portalIn(ctx.query))
  if (!isOut) {
    const why = await logoutFault(provider, ctx.query)
    if (why === undefined) return
    wrong.add(ctx)
    // As `http/engine-events.ts` does for requests that the engine refuses.
    tallyRefusal('end_session', 'invalid_request', undefined)
    log.info({ event: 'end_session.refused', oauth: 'invalid_request', why, reference: referenceOf(ctx) })
  }
  const { ui_locales: locales } = ctx.query
  ctx.query = typeof locales === 'string' ? { ui_locales: locales } : {}
}

/** `client_id` of the portal that requests the logout. */
const portalIn = ({ client_id: id, id_token_hint: hint }: ParsedUrlQuery): string =>
  String(id || audienceOf(String(hint)) || '')
