/**
 * The hand-off between the engine and us costs no hop: the callback continues the engine's own resumption
 * within the same request. The engine would carry an interaction over two redirects by two cookies; here they
 * exist only in this request, because `transaction.ts` binds the browser already.
 */
import type { Context, Middleware, Next } from 'koa'

const engineCookies = new Set(['interaction', 'resume'])

/** The interaction that this request continues. */
const resumed = new WeakMap<Context, string>()

/** Before the engine: its two interaction cookies are neither set nor believed. */
export const hideEngineCookies: Middleware = (ctx, next) => {
  const { cookies } = ctx
  const get = cookies.get.bind(cookies)
  const set = cookies.set.bind(cookies)
  cookies.get = (name, options) => (engineCookies.has(name) ? resumed.get(ctx) : get(name, options))
  cookies.set = (name, value, options) => (engineCookies.has(name) ? cookies : set(name, value, options))
  return next()
}

/** Continues interaction `uid` in the engine, as if the browser had been sent to its resume address. */
export async function resumeInEngine(
  ctx: Context,
  { uid, returnTo }: { uid: string; returnTo: string },
  next: Next,
): Promise<void> {
  const { method, _matchedRouteName: route } = ctx as Context & { _matchedRouteName?: string }
  resumed.set(ctx, uid)
  // `/auth/…` for a portal, `/device/…` for an operator's terminal.
  ctx.path = new URL(returnTo).pathname
  // A decision comes by POST, and stays one for whoever answers or logs this request; so does the step's own name.
  ctx.method = 'GET'
  await next()
  Object.assign(ctx, { method, _matchedRouteName: route })
}
