/**
 * A parameter without a value counts as omitted (RFC 6749 §3.1). Here the queries; `posted-form.ts` and `query.ts` do the
 * same with forms.
 */
import type { Middleware } from 'koa'
import { isPortalApi } from './limits.ts'
import { withoutEmpty } from './query.ts'

/** Not for the portals' API, which names the fault. */
export const dropEmptyParameters: Middleware = (ctx, next) => {
  const full = withoutEmpty(ctx.querystring)
  if (full !== ctx.querystring && !isPortalApi(ctx)) ctx.querystring = full
  return next()
}
