/**
 * The public listener, toward citizens and portals. This room holds what every listener shares, and no step of a login:
 * a request passes the boundary (`boundary.ts`: reference, pinned address, headers, one log line, failure → answer), the
 * limits (`limits.ts`), and one spelling of its path (`plain-path.ts`); then the routes that `app.ts` lists, and last
 * the engine. A form that a portal's page posts is sent on by GET (`posted-form.ts`). The APIs share `input.ts` and
 * `problem.ts`. `health.ts` is a listener of its own, for the machines that watch this one.
 */
import type { RequestListener } from 'node:http'
import Koa from 'koa'
import type { Parts } from '../parts.ts'
import { type Failure, createBoundary, pinAddress, report } from './boundary.ts'
import { listenToEngine } from './engine-events.ts'

/** @param steps what a request passes after the boundary, in this order */
export function createPublic({
  config,
  log,
  provider,
  renderFailure,
  steps,
}: Pick<Parts, 'config' | 'log' | 'provider'> & {
  /** The citizen's page for a failure that no step answers. */
  renderFailure: (ctx: Koa.Context, failure: Failure) => Promise<void>
  steps: readonly Koa.Middleware[]
}): RequestListener {
  const { issuer } = config
  const app = new Koa()
  // What even the boundary could not answer; Koa would print it. A browser that hung up is nobody's fault.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) => {
    if (!error.headerSent) report(log, ctx, 'server_error', error)
  })
  app.keys = provider.keys as string[]
  pinAddress(app, issuer)
  listenToEngine({ provider, log })
  app.use(createBoundary({ log, issuer, renderFailure }))
  for (const step of steps) app.use(step)
  const callback = app.callback()
  return (request, response) => void callback(request, response)
}
