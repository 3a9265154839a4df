/** The composition root: creates each part once, passes it to the rooms, and orders the middleware of public requests. */
import type { RequestListener, Server } from 'node:http'
import { createAdmin } from './admin/admin.ts'
import type { Operation } from './admin/operation.ts'
import { createCitizenKeys } from './citizen-id.ts'
import { createSeal } from './crypto/seal.ts'
import { createChores } from './housekeeping.ts'
import { dropEmptyParameters } from './http/empty-parameters.ts'
import { createHealth } from './http/health.ts'
import { createLimits } from './http/limits.ts'
import { requirePlainPath } from './http/plain-path.ts'
import { acceptPostedForm } from './http/posted-form.ts'
import { createPublic } from './http/public.ts'
import { readEngineForm } from './http/query.ts'
import { requireVisit } from './http/visit.ts'
import { knownBrowser } from './login/browser.ts'
import { createLogin } from './login/login.ts'
import { createCurrentLinks } from './mapping/links.ts'
import { createLegacyRecords } from './mapping/record.ts'
import { withConsole } from './oidc/console.ts'
import { createOidc } from './oidc/oidc.ts'
import type { Parts } from './parts.ts'
import { createPortals } from './portals/portals.ts'
import { mappingPolicyIn, openRegistry } from './registry/registry.ts'
import { checkRing, claimRing } from './ring/ring.ts'
import { requireMigrations } from './store/migrate.ts'
import { openUpstream } from './upstream/open.ts'

export interface App {
  /** Handles requests of citizens and portals. */
  readonly callback: RequestListener
  /** Serves health and metrics, on a port of its own. */
  readonly health: Server
  /** Serves the admin API. */
  readonly admin: Server
  readonly adminOperations: readonly Operation[]
  readonly housekeeping: ReturnType<typeof createChores>
  refresh(): Promise<void>
  /** Reports "not ready" from now on; running requests continue. */
  drain(): void
  close(): Promise<void>
}

export async function createApp(
  stores: Pick<Parts, 'config' | 'db' | 'state' | 'log' | 'periods'>,
): Promise<App> {
  const { config, db, log, periods } = stores
  const { keys } = config
  await requireMigrations(db)
  await checkRing(db, keys)
  const unclaimRing = await claimRing({ db, ring: keys, log }, periods.claim)

  const keySeal = createSeal(keys.seal, 'signing key')
  const citizenKeys = createCitizenKeys({ indexKeys: keys.index, seal: createSeal(keys.seal, 'identifier') })
  const records = createLegacyRecords({ citizenKeys, keys })
  const registry = withConsole(await openRegistry({ db, period: periods.renewal }))
  const { portalsOf } = registry
  const mappingPolicyOf = mappingPolicyIn(registry)
  const links = createCurrentLinks({ db, records, portalsOf })
  const upstream = openUpstream(config.upstream)
  const made = { keySeal, citizenKeys, records, registry, portalsOf, mappingPolicyOf, links, upstream }
  const parts: Omit<Parts, 'provider'> = { ...stores, ...made }

  const limits = createLimits({ ...parts, browserOf: knownBrowser })
  const login = createLogin(parts)
  const oidc = await createOidc({ ...parts, ...login, admitClient: limits.admitClient })
  const { provider, signingKeys, beginUnit } = oidc
  const { figures, routes: portals } = createPortals({ ...parts, provider })
  const admin = await createAdmin({ ...parts, provider, beginUnit, figures, limit: limits.admin })
  const callback = createPublic({
    ...parts,
    provider,
    renderFailure: login.pages.renderFailure,
    steps: [
      limits.middleware,
      requirePlainPath,
      requireVisit,
      dropEmptyParameters,
      oidc.keyRoutes,
      oidc.unitOfWork,
      acceptPostedForm,
      ...login.guards,
      portals,
      ...login.routes(provider),
      readEngineForm,
      ...provider.middleware,
    ],
  })

  const health = createHealth({ ...parts, signingKeys })
  return {
    callback,
    health: health.server,
    admin: admin.server,
    adminOperations: admin.operations,
    housekeeping: createChores(parts),
    refresh: async () => void (await Promise.all([registry.refresh(), signingKeys.refresh()])),
    drain: health.drain,
    async close() {
      for (const part of [registry, signingKeys, limits]) part.close()
      unclaimRing()
      await admin.close()
      await figures.close()
    },
  }
}
