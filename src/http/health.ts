/** Health and metrics, on their own listener and never on the public port. */
import type { RequestListener, Server } from 'node:http'
import type { SigningKeys } from '../oidc/key-store.ts'
import type { Parts } from '../parts.ts'
import { requireMigrations } from '../store/migrate.ts'
import { dependencyUp, registry as metrics } from '../telemetry/metrics.ts'
import { createListener } from './listener.ts'
import { createWatch } from './watch.ts'

export interface Checks {
  readonly [dependency: string]: () => Promise<void>
}

/** Creates the listener. After `drain()`, `/health/ready` answers 503 so that the load balancer stops sending requests. */
export function createHealth(
  parts: Pick<Parts, 'config' | 'db' | 'state' | 'registry' | 'upstream'> & { signingKeys: SigningKeys },
): { server: Server; drain(): void } {
  let draining = false
  const server = createHealthServer({
    ...readinessOf(parts),
    look: createWatch(parts),
    isDraining: () => draining,
    headersTimeout: parts.config.headersTimeout,
  })
  return { server, drain: () => void (draining = true) }
}

/** The checks of /health/ready. If one of `needed` fails the node is not ready; a failure of `reported` is only reported. */
function readinessOf({
  db,
  state,
  registry,
  signingKeys,
  upstream,
}: Pick<Parts, 'db' | 'state' | 'registry' | 'upstream'> & { signingKeys: SigningKeys }): {
  needed: Checks
  reported: Checks
} {
  const needed = {
    database: () => db.ping(),
    state: () => state.ping(),
    migrations: () => requireMigrations(db),
    async registry() {
      if (registry.age() > 60) throw new Error('the portals were last read more than a minute ago')
    },
    async signing_keys() {
      if (signingKeys.age() > 60) throw new Error('the signing keys were last read more than a minute ago')
      const { calendar } = signingKeys.published()
      if (!calendar.some(({ alg, state: keyState }) => alg === 'ES256' && keyState === 'current'))
        throw new Error('there is no current ES256 signing key')
    },
  }
  // Sessions, refreshes and logouts work without VNeID, so an unreachable VNeID does not make the node unready.
  return { needed, reported: { upstream: () => upstream.ready() } }
}

/**
 * @param look updates the metrics that are read only on request
 * @param isDraining true after SIGTERM: the process is alive, but not ready
 * @param patience milliseconds in which a dependency must answer
 * @param headersTimeout seconds in which a request's headers must arrive
 */
export function createHealthServer({
  needed,
  reported,
  look = () => Promise.resolve(),
  isDraining,
  patience = 2_000,
  headersTimeout,
}: {
  needed: Checks
  reported: Checks
  look?: () => Promise<void>
  isDraining: () => boolean
  patience?: number
  headersTimeout?: number
}): Server {
  const ask = (checks: Checks) => unreached(checks, patience)
  async function updateDependencyUp(checks: Checks): Promise<void> {
    const missing = await ask(checks)
    for (const dependency of Object.keys(checks))
      dependencyUp.set({ dependency }, missing.includes(dependency) ? 0 : 1)
  }
  const respond: RequestListener = (request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    const json = (status: number, body: object) => answer(status, 'application/json', JSON.stringify(body))

    switch (request.url) {
      case '/health/live':
        return json(200, { status: 'alive' })
      case '/health/ready':
        return void Promise.all([ask(needed), ask(reported)]).then(([missing, degraded]) => {
          if (isDraining()) return json(503, { status: 'draining' })
          if (missing.length > 0)
            return json(503, { status: 'not ready', missing: [...missing, ...degraded] })
          return json(200, { status: 'ready', ...(degraded.length > 0 && { degraded }) })
        })
      case '/metrics':
        return void Promise.all([updateDependencyUp({ ...needed, ...reported }), ask({ look })])
          .then(() => metrics.metrics())
          .then(
            (text) => answer(200, metrics.contentType, text),
            () => json(500, { status: 'no metrics' }),
          )
      default:
        return json(404, { status: 'not found' })
    }
  }
  return createListener(respond, { headers: headersTimeout })
}

/** @returns the names of the dependencies that did not answer within `patience` milliseconds */
export async function unreached(checks: Checks, patience = 2_000): Promise<string[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const late = AbortSignal.timeout(patience)
      const timeout = new Promise<never>((_, reject) =>
        late.addEventListener('abort', () => reject(late.reason as Error)),
      )
      return Promise.race([check(), timeout]).then(
        () => undefined,
        () => name,
      )
    }),
  )
  return results.filter((name) => name !== undefined)
}
