/** The composition root: the one file that knows every part. */
import type { RequestListener, Server } from 'node:http'
import Koa from 'koa'
import { mappingOperations } from './admin/mapping-operations.ts'
import { importOperations } from './admin/import-operations.ts'
import { createImportThreads } from './admin/import-thread.ts'
import type { Operation } from './admin/operation.ts'
import { operatorOperations } from './admin/operator-operations.ts'
import { reviewOperations } from './admin/review-operations.ts'
import { progressOperations } from './admin/progress-operations.ts'
import { createAdminServer } from './admin/server.ts'
import { createCitizenKeys } from './citizen-id.ts'
import type { Config } from './config.ts'
import { codeOf, createBoundary, pinAddress, report } from './http/boundary.ts'
import { createOperationsServer } from './http/operations.ts'
import { createTransport, parseNetworks } from './outgoing.ts'
import { acceptPostedForm } from './http/posted-form.ts'
import { BrokerError } from './errors.ts'
import type { Log } from './log.ts'
import { createEnding } from './login/ending.ts'
import { createFace } from './login/face.ts'
import { hideEngineCookies } from './login/hand-off.ts'
import { createLinkRoutes, patience } from './login/link-routes.ts'
import { createLogoutRoutes } from './login/logout-routes.ts'
import { createLoginRoutes } from './login/routes.ts'
import { createSignIn } from './login/sign-in.ts'
import { createTransactions } from './login/transaction.ts'
import { createDecisions } from './mapping/decisions.ts'
import { createImport } from './mapping/import.ts'
import { createImportRun } from './mapping/import-run.ts'
import { createCurrentLinks } from './mapping/links.ts'
import { createProposals } from './mapping/proposals.ts'
import { createLegacyRecords } from './mapping/record.ts'
import { createRekey } from './mapping/rekey.ts'
import { createPortalWord } from './mapping/word.ts'
import { createSubOf } from './oidc/accounts.ts'
import { createAdapterFactory, mergeRecords } from './oidc/adapter.ts'
import { openRegistry } from './oidc/registry.ts'
import { loadSigningKeys } from './oidc/keys.ts'
import { createProvider } from './oidc/provider.ts'
import { beginUnitOfWork, runWithUnit } from './oidc/unit-of-work.ts'
import { createPortalApi } from './portals/routes.ts'
import { createSeal } from './seal.ts'
import type { Database } from './store/db.ts'
import { pendingMigrations } from './store/migrate.ts'
import type { State } from './store/state.ts'
import { openUpstream } from './upstream/open.ts'

export interface App {
  /** Toward citizens and portals. */
  readonly callback: RequestListener
  readonly operations: Server
  /** Toward operators. */
  readonly admin: Server
  readonly adminOperations: readonly Operation[]
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
  const records = createLegacyRecords({ citizenKeys, keys: config.keys })
  const links = createCurrentLinks({ db, records })
  const keys = await loadSigningKeys({ db, seal: createSeal(config.keys.seal, 'signing key') })
  const registry = await openRegistry({ db })
  const upstream = openUpstream(config.upstream)
  const transactions = createTransactions(config.keys.cookie)
  const mappingPolicyOf = (clientId: string) => {
    const policy = registry.policyOf(clientId)
    if (policy === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return policy.mapping
  }
  const signIn = createSignIn({ db, citizenKeys, records, links, mappingPolicyOf, log })
  const face = createFace({ config, db, upstream, transactions, signIn, registry, log })
  const provider = createProvider({
    config,
    links,
    keys,
    adapter: createAdapterFactory({ registry, interactionTtl: config.ttl.interaction + patience }),
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
  const subOf = createSubOf(config.keys.pairwise)
  app.use(createPortalApi({ db, provider, issuer: config.issuer, records, subOf, log }))
  const ending = createEnding({ db, provider, log })
  const word = createPortalWord({ db, citizenKeys, records, mappingPolicyOf, log })
  const linking = createLinkRoutes({ config, provider, transactions, word, links, ending })
  app.use(linking.routes)
  const beginLink = linking.begin
  app.use(createLoginRoutes({ config, upstream, transactions, signIn, face, ending, beginLink }))
  app.use(createLogoutRoutes({ config, db, provider, upstream, log }))
  for (const engine of provider.middleware) app.use(engine)

  const mapping = {
    db,
    log,
    citizenKeys,
    records,
    decisions: createDecisions({ db, log }),
    proposals: createProposals({ db, log, records, rekey: createRekey({ citizenKeys }) }),
  }
  // An embedded database belongs to this thread alone.
  const run = config.database.url.startsWith('embedded:')
    ? createImportRun({ db, records })
    : createImportThreads(config)
  const importLegacy = createImport({ db, run, log })
  const adminOperations = [
    ...operatorOperations({ db, log }),
    ...mappingOperations(mapping),
    ...reviewOperations(mapping),
    ...progressOperations({ db }),
    ...importOperations({ db, registry, importLegacy }),
  ]
  const { audience } = config.admin

  const callback = app.callback()
  let draining = false
  const needed = { database: () => db.ping(), state: () => state.ping() }
  const reported = { upstream: () => upstream.ready() }
  return {
    callback: (request, response) => void callback(request, response),
    operations: createOperationsServer({ needed, reported, isDraining: () => draining }),
    admin: createAdminServer({ audience, db, state, log, operations: adminOperations }),
    adminOperations,
    refresh: registry.refresh,
    drain: () => void (draining = true),
    close: () => registry.close(),
  }
}
