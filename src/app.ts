/** The composition root: the one file that knows every part. */
import type { RequestListener, Server } from 'node:http'
import Koa from 'koa'
import { createCitizenKeys } from './citizen-id.ts'
import type { Config } from './config.ts'
import { codeOf, createBoundary, pinAddress, report } from './http/boundary.ts'
import { createOperationsServer } from './http/operations.ts'
import { createTransport, parseNetworks } from './outgoing.ts'
import { acceptPostedForm } from './http/posted-form.ts'
import type { Log } from './log.ts'
import { createFace } from './login/face.ts'
import { hideEngineCookies } from './login/hand-off.ts'
import { createLogoutRoutes } from './login/logout-routes.ts'
import { createLoginRoutes } from './login/routes.ts'
import { createSignIn } from './login/sign-in.ts'
import { createTransactions } from './login/transaction.ts'
import { createAdapterFactory, mergeRecords } from './oidc/adapter.ts'
import { openRegistry } from './oidc/registry.ts'
import { loadSigningKeys } from './oidc/keys.ts'
import { createProvider } from './oidc/provider.ts'
import { beginUnitOfWork, runWithUnit } from './oidc/unit-of-work.ts'
import { createSeal } from './seal.ts'
import type { Database } from './store/db.ts'
import { pendingMigrations } from './store/migrate.ts'
import type { State } from './store/state.ts'
import { openUpstream } from './upstream/open.ts'

export interface App {
  /** Toward citizens and portals. */
  readonly callback: RequestListener
  readonly operations: Server
  refresh(): Promise<void>
  /** Not ready from now on; requests in flight go on. */
  drain(): void
  close(): void
}

export async function createApp({
  config,
  db,
  state,
  log,
}: {
  config: Config
  db: Database
  state: State
  log: Log
}): Promise<App> {
  const pending = await pendingMigrations(db)
  if (pending.length > 0)
    throw new Error(`the database lacks ${pending.join(', ')}: run "npm run cli -- migrate"`)

  const stateSeal = createSeal(config.keys.seal, 'protocol state')
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const keys = await loadSigningKeys({ db, seal: createSeal(config.keys.seal, 'signing key') })
  const registry = await openRegistry({ db })
  const upstream = openUpstream(config.upstream)
  const transactions = createTransactions(config.keys.cookie)
  const signIn = createSignIn({ db, citizenKeys, log })
  const face = createFace({ config, db, upstream, transactions, signIn, registry, log })
  const provider = createProvider({
    config,
    db,
    keys,
    adapter: createAdapterFactory({ registry, interactionTtl: config.ttl.interaction }),
    face,
    // Addresses that a portal can set lead to public networks, or to private ones on its own list.
    fetch: createTransport({
      timeout: 2.5,
      allow: (url) => parseNetworks(registry.networksFor(url.href)),
    }) as never,
  })
  provider.on('server_error', (ctx, error) => report(log, ctx, codeOf(error), error))
  for (const event of [
    'authorization',
    'grant',
    'userinfo',
    'introspection',
    'revocation',
    'end_session',
  ] as const) {
    provider.on(`${event}.error` as 'grant.error', (ctx, error) => {
      log.info({
        event: `${event}.refused`,
        oauth: error.error,
        // The engine's own words; a detail that comes from a cause may quote what was sent.
        why: (error.cause === undefined && error.error_detail) || error.error_description,
        client: ctx.oidc.client?.clientId,
        reference: ctx.state['reference'],
      })
    })
  }

  provider.on('backchannel.error', (_ctx, error, client) => {
    log.warn({ event: 'logout.undelivered', client: client.clientId, err: error })
  })

  const app = new Koa()
  // What even the boundary could not answer; Koa would print it. A browser that hung up is nobody's fault.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) => {
    if (!error.headerSent) report(log, ctx, 'server_error', error)
  })
  app.keys = provider.keys as string[]
  pinAddress(app, config.issuer)
  app.use(createBoundary({ log, issuer: config.issuer, renderFailure: face.renderFailure }))
  app.use(async (_ctx, next) => {
    const unit = beginUnitOfWork({ state, seal: stateSeal, merge: mergeRecords })
    await runWithUnit(unit, next)
    await unit.commit()
  })
  app.use(acceptPostedForm)
  app.use(hideEngineCookies)
  app.use(createLoginRoutes({ config, db, provider, upstream, transactions, signIn, face, log }))
  app.use(createLogoutRoutes({ config, db, provider, upstream, log }))
  for (const engine of provider.middleware) app.use(engine)

  const callback = app.callback()
  let draining = false
  const needed = { database: () => db.ping(), state: () => state.ping() }
  const reported = { upstream: () => upstream.ready() }
  return {
    callback: (request, response) => void callback(request, response),
    operations: createOperationsServer({ needed, reported, isDraining: () => draining }),
    refresh: registry.refresh,
    drain: () => void (draining = true),
    close: () => registry.close(),
  }
}
