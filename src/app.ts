/** The composition root: the one file that knows every part. */
import type { RequestListener, Server } from 'node:http'
import Koa from 'koa'
import { auditOperations } from './admin/audit-operations.ts'
import { auditProofOperations } from './admin/audit-proof-operations.ts'
import { clientOperations } from './admin/client-operations.ts'
import { createPersonOf } from './admin/access-token.ts'
import { mappingOperations } from './admin/mapping-operations.ts'
import { figuresOperations } from './admin/figures-operations.ts'
import { keyOperations } from './admin/key-operations.ts'
import { importOperations } from './admin/import-operations.ts'
import { createImportThreads } from './imports/thread.ts'
import { withDescription } from './admin/openapi.ts'
import type { Operation } from './admin/operation.ts'
import { operatorOperations } from './admin/operator-operations.ts'
import { operatorReviewOperations } from './admin/operator-review.ts'
import { rehomeOperations } from './admin/rehome-operations.ts'
import { reviewOperations } from './admin/review-operations.ts'
import { secretOperations } from './admin/secret-operations.ts'
import { progressOperations } from './admin/progress-operations.ts'
import { createSecondPerson } from './admin/second-person.ts'
import { registryOperations } from './admin/registry-operations.ts'
import { createAdminServer } from './admin/server.ts'
import { openSealer } from './proof/sealer.ts'
import { createCitizenKeys } from './citizen-id.ts'
import type { Config } from './config/config.ts'
import { createBoundary, pinAddress, report } from './http/boundary.ts'
import { createAddressOf } from './http/client-address.ts'
import { listenToEngine } from './http/engine-events.ts'
import { createLimits } from './http/limits.ts'
import { createHealthServer, createReadiness } from './http/health.ts'
import { requirePlainPath } from './http/plain-path.ts'
import { createWatch } from './http/watch.ts'
import { createTransport, parseNetworks } from './net/outgoing.ts'
import { acceptPostedForm } from './http/posted-form.ts'
import { BrokerError } from './errors.ts'
import type { Log } from './telemetry/log.ts'
import { knownBrowser } from './login/browser.ts'
import { patience } from './login/link-routes.ts'
import { createLogin } from './login/login.ts'
import { createActs } from './mapping/decisions.ts'
import { createImport } from './imports/import.ts'
import { createImportRun } from './imports/run.ts'
import { createCurrentLinks } from './mapping/links.ts'
import { createProposals } from './mapping/proposals.ts'
import { createLegacyRecords } from './mapping/record.ts'
import { createRekey } from './mapping/rekey.ts'
import { createSubOf } from './oidc/accounts.ts'
import { createAdapterFactory, mergeRecords } from './oidc/adapter.ts'
import { withConsole } from './oidc/console.ts'
import { openRegistry } from './registry/registry.ts'
import { replaceKeys } from './oidc/engine-keys.ts'
import { createKeyRoutes } from './oidc/key-routes.ts'
import { openSigningKeys } from './oidc/key-store.ts'
import { createProvider } from './oidc/provider.ts'
import { beginUnitOfWork, runWithUnit } from './oidc/unit-of-work.ts'
import { createFigures } from './portals/figures.ts'
import { createPortalApi } from './portals/routes.ts'
import { createReseal } from './ring/reseal.ts'
import { checkRing, claimRing } from './ring/ring.ts'
import { createSeal } from './crypto/seal.ts'
import type { Database } from './store/db.ts'
import { pendingMigrations } from './store/migrate.ts'
import type { State } from './store/state/state.ts'
import { openUpstream } from './upstream/open.ts'

export interface App {
  /** Toward citizens and portals. */
  readonly callback: RequestListener
  /** Health and metrics, never on the public port. */
  readonly health: Server
  /** Toward operators. */
  readonly admin: Server
  readonly adminOperations: readonly Operation[]
  refresh(): Promise<void>
  /** Not ready from now on; requests in flight go on. */
  drain(): void
  close(): Promise<void>
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

  await checkRing(db, config.keys)
  const unclaimRing = await claimRing({ db, ring: config.keys, log })
  const stateSeal = createSeal(config.keys.seal, 'protocol state')
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const records = createLegacyRecords({ citizenKeys, keys: config.keys })
  const keySeal = createSeal(config.keys.seal, 'signing key')
  const signingKeys = await openSigningKeys({ db, seal: keySeal, log })
  const registry = withConsole(await openRegistry({ db }))
  const { portalsOf } = registry
  const links = createCurrentLinks({ db, records, portalsOf })
  const upstream = openUpstream(config.upstream)
  const mappingPolicyOf = (clientId: string) => {
    const policy = registry.policyOf(clientId)
    if (policy === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return policy.mapping
  }
  const { networks: proxies, header } = config.proxies
  const limits = createLimits({
    state,
    key: config.keys.cookie[0]!,
    overrides: config.limits,
    addressOf: createAddressOf({ proxies, header }),
    browserOf: knownBrowser,
    log,
  })
  const parts = {
    config,
    db,
    log,
    citizenKeys,
    records,
    registry,
    portalsOf,
    mappingPolicyOf,
    links,
    upstream,
  }
  const login = createLogin(parts)
  const provider = createProvider({
    config,
    links,
    keys: signingKeys.engineKeys(),
    adapter: createAdapterFactory({
      registry,
      interactionTtl: config.ttl.interaction + patience,
      admitClient: limits.admitClient,
    }),
    ...login,
    // Addresses that a portal can set lead to public networks, or to private ones on its own list.
    fetch: createTransport({
      timeout: 2.5,
      allow: (url) => parseNetworks(registry.networksFor(url.href)),
    }) as never,
  })
  signingKeys.onChange((keys) => replaceKeys(provider, keys))
  listenToEngine({ provider, log })

  const app = new Koa()
  // What even the boundary could not answer; Koa would print it. A browser that hung up is nobody's fault.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) => {
    if (!error.headerSent) report(log, ctx, 'server_error', error)
  })
  app.keys = provider.keys as string[]
  pinAddress(app, config.issuer)
  app.use(createBoundary({ log, issuer: config.issuer, renderFailure: login.pages.renderFailure }))
  app.use(limits.middleware)
  app.use(requirePlainPath)
  app.use(createKeyRoutes({ keys: signingKeys }))
  app.use(async (_ctx, next) => {
    const unit = beginUnitOfWork({ state, seal: stateSeal, merge: mergeRecords })
    await runWithUnit(unit, next)
    await unit.commit()
  })
  app.use(acceptPostedForm)
  for (const guard of login.guards) app.use(guard)
  const subOf = createSubOf(config.keys.pairwise)
  const figures = createFigures({ db, log })
  app.use(createPortalApi({ db, provider, issuer: config.issuer, registry, records, subOf, figures, log }))
  for (const route of login.routes(provider)) app.use(route)
  for (const engine of provider.middleware) app.use(engine)

  const mapping = {
    db,
    log,
    citizenKeys,
    records,
    acts: createActs({ db, log }),
    proposals: createProposals({ db, log, records, rekey: createRekey({ citizenKeys }) }),
  }
  // An embedded database belongs to this thread alone.
  const run = config.database.url.startsWith('embedded:')
    ? createImportRun({ db, records })
    : createImportThreads(config)
  const importLegacy = createImport({ db, run, log })
  const second = createSecondPerson({ db, seal: createSeal(config.keys.seal, 'decision'), log })
  const { ttl } = config
  const longest = Math.max(ttl.session, ttl.refreshToken, ttl.interaction)
  const reseals = createReseal({ db, ring: config.keys, citizenKeys, records, longest, log })
  const sealer = await openSealer({ db, seal: keySeal, log })
  const adminOperations = withDescription([
    ...keyOperations({ db, keys: config.keys, seal: keySeal, reseals, longest, log }),
    ...operatorOperations({ db, log, citizenKeys, second }),
    ...operatorReviewOperations({ db, log }),
    ...second.operations,
    ...clientOperations({ db, log }),
    ...registryOperations({ db, log }),
    ...secretOperations({ db, log }),
    ...rehomeOperations({ db, log, second }),
    ...mappingOperations(mapping),
    ...reviewOperations(mapping),
    ...progressOperations({ db }),
    ...figuresOperations({ figures }),
    ...auditOperations({ db, log, citizenKeys }),
    ...auditProofOperations({ db, log, sealer, seal: keySeal }),
    ...importOperations({ db, registry, importLegacy }),
  ])
  const { audience } = config.admin

  const callback = app.callback()
  let draining = false
  return {
    callback: (request, response) => void callback(request, response),
    health: createHealthServer({
      ...createReadiness({ db, state, registry, signingKeys, upstream }),
      look: createWatch({ db }),
      isDraining: () => draining,
    }),
    admin: createAdminServer({
      audience,
      db,
      state,
      seal: createSeal(config.keys.seal, 'kept answer'),
      log,
      limit: limits.admin,
      personOf: createPersonOf({ db, state, seal: stateSeal, provider, citizenKeys }),
      operations: adminOperations,
    }),
    adminOperations,
    refresh: async () => void (await Promise.all([registry.refresh(), signingKeys.refresh()])),
    drain: () => void (draining = true),
    async close() {
      await sealer.close()
      registry.close()
      signingKeys.close()
      unclaimRing()
      await reseals.stop()
      limits.close()
      await figures.close()
    },
  }
}
