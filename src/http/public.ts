/**
 * The public listener, for citizens and portals. This room holds what every listener shares, and no step of a login. A
 * request passes the boundary (`boundary.ts`: reference, pinned address, headers, one log line, failure → answer), the
 * limits (`limits.ts`) and the check of its path (`plain-path.ts`), then the routes that `app.ts` lists, and last the
 * engine. `posted-form.ts` turns a form that a portal's page posts into a GET. The APIs share `input.ts` and `problem.ts`.
 * `health.ts` is a separate listener for monitoring.
 */
import type { RequestListener } from 'node:http'
import Koa from 'koa'
import type { Parts } from '../parts.ts'
import { type Failure, createBoundary, pinAddress, report } from './boundary.ts'
import { listenToEngine } from './engine-events.ts'
import { readQueryOnce } from './query.ts'

/** @param steps middleware after the boundary, in this order */
export function createPublic({
  config,
  log,
  provider,
  renderFailure,
  steps,
}: Pick<Parts, 'config' | 'log' | 'provider'> & {
  /** Renders the citizen's page for a failure that no step answers. */
  renderFailure: (ctx: Koa.Context, failure: Failure) => Promise<void>
  steps: readonly Koa.Middleware[]
}): RequestListener {
  const { issuer } = config
  const app = new Koa()
  // Errors that the boundary could not answer. Koa would print them. With `headerSent` the browser closed the connection,
  // which is not an error.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) => {
    if (!error.headerSent) report(log, ctx, 'server_error', error)
  })
  app.keys = provider.keys as string[]
  pinAddress(app, issuer)
  readQueryOnce(app)
  listenToEngine({ provider, log })
  app.use(createBoundary({ log, issuer, renderFailure }))
  for (const step of steps) app.use(step)
  const callback = app.callback()
  return (request, response) => void callback(request, response)
}
