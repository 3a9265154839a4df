/**
 * Answers HEAD and prefetches of citizens' addresses without running them. Their GET has effects: it takes a sign-in's
 * only answer, or ends it. A link preview, a virus scanner or a browser that prefetches must not do that.
 */
import type { Context, Middleware } from 'koa'
import { isForCitizens } from './limits.ts'

/** `Sec-Purpose` is the Fetch standard's; the others are older forms of Chrome, Safari and Firefox. */
const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']
const isPrefetch = (ctx: Context) =>
  purposes.some((name) => /prefetch|prerender|preview/i.test(ctx.get(name)))

export const requireVisit: Middleware = (ctx, next) => {
  const isHead = ctx.method === 'HEAD'
  if (!(isHead || isPrefetch(ctx)) || !isForCitizens(ctx)) return next()
  ctx.set('cache-control', 'no-store')
  if (isHead) ctx.set('allow', 'GET, POST')
  // A browser does not show a prefetched answer that is an error; the visit sends the request again.
  ctx.status = isHead ? 405 : 403
  return undefined
}
