/**
 * Rate limits. Many citizens share one address (a counter PC, an office, a mobile network), so an address has a high
 * budget. Within it, browsers are told apart by the cookie that they got at their first request. Browsers without the
 * cookie (newcomers) have a lower budget per address and are refused first, so that logins under way can finish.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { hkdfSync } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { Client } from 'oidc-provider'
import { BrokerError, errorTable } from '../errors.ts'
import { createKeyedHash } from '../crypto/keyed-hash.ts'
import {
  type Budget,
  type Dimension,
  type LimitGroup,
  limitGroups,
  limitTable,
} from '../config/limit-table.ts'
import { limited } from '../telemetry/metrics.ts'
import type { Parts } from '../parts.ts'
import { codeOf, referenceOf, report } from './boundary.ts'
import { createAddressOf, siteOf } from './client-address.ts'
import { type Standing, createLimiter } from './limiter.ts'
import { isPostedForm } from './posted-form.ts'
import { answerProblem } from './problem.ts'

export interface Limits {
  /** For the public listener: runs within the boundary, before any work that costs. */
  readonly middleware: Middleware
  /** For the admin API, likewise. */
  readonly admin: Middleware
  /** Called whenever a portal is looked up. @throws BrokerError `too_many_requests` if the portal's budget is spent */
  admitClient(clientId: string): void
  close(): void
}

/** The budgets of an IPv6 site, in those of an address: a site may be a mobile network, or one attacker with 65,536 addresses. */
const siteTimes = 4
const siteBytesTimes = 2

/** What one request counts against. */
interface Measured {
  readonly group: LimitGroup
  readonly budget: Budget
  readonly address: string | undefined
  /** The /48 of an IPv6 address. */
  readonly site: string | undefined
  /** True if `admitClient` refused the request. */
  refused: boolean
}

export function createLimits({
  config,
  state,
  log,
  browserOf,
}: Pick<Parts, 'config' | 'state' | 'log'> & {
  /** The name of a browser that has our cookie. */
  browserOf: (ctx: Context) => string | undefined
}): Limits {
  const { networks: proxies, header } = config.proxies
  const addressOf = createAddressOf({ proxies, header })
  // Addresses and browsers are counted under keyed hashes, so that neither the state store nor a log holds them.
  const key = config.keys.cookie[0]!
  const limiter = createLimiter({ state })
  const digest = createKeyedHash(Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'rate limits', 32)))
  const hashed = (text: string) => digest(text).toString('base64url', 0, 12)
  const budgets = Object.fromEntries(
    limitGroups.map((group) => [group, { ...limitTable[group], ...config.limits[group] }]),
  ) as Readonly<Record<LimitGroup, Budget>>
  const asking = new AsyncLocalStorage<{ ctx: Context; measured: Measured }>()

  /** Sets the rate-limit headers, except for a site that has room. @returns whether the budget has room */
  function check(
    ctx: Context,
    { group, budget }: Measured,
    dimension: Dimension,
    counter: string,
    times = 1,
  ): boolean {
    const limit = budget[dimension]
    if (limit === undefined) return true
    const standing = limiter.standing(counter, limit * times)
    if (times === 1 || standing.isSpent) setRateLimitHeaders(ctx, dimension, limit * times, standing)
    if (!standing.isSpent) return true
    ctx.set('retry-after', String(standing.reset))
    limited.inc({ group, dimension })
    return false
  }
  const add = (counter: string, ...budgetsOfCounter: (number | undefined)[]) => {
    const given = budgetsOfCounter.filter((budget) => budget !== undefined)
    if (given.length > 0) limiter.add(counter, Math.min(...given))
  }
  const counterOf = (group: LimitGroup, what: string, who: string) => `${group}:${what}:${who}`

  /** Checks and counts browser and address, before anything else is done. */
  function admit(ctx: Context, measured: Measured): boolean {
    const { group, budget, address, site } = measured
    const name = budget.browser === undefined ? undefined : browserOf(ctx)
    const browser = name && counterOf(group, 'browser', hashed(name))
    if (browser !== undefined && !check(ctx, measured, 'browser', browser)) return false
    const places = [
      { place: address, times: 1, bytesTimes: 1 },
      { place: site, times: siteTimes, bytesTimes: siteBytesTimes },
    ].flatMap(({ place, ...rest }) =>
      place === undefined
        ? []
        : [{ shared: counterOf(group, 'address', place), stored: counterOf(group, 'bytes', place), ...rest }],
    )
    for (const { shared, stored, times, bytesTimes } of places) {
      if (browser === undefined && !check(ctx, measured, 'newcomers', shared, times)) return false
      if (!check(ctx, measured, 'address', shared, times)) return false
      if (!check(ctx, measured, 'bytes', stored, bytesTimes)) return false
    }
    for (const { shared, stored } of places) {
      add(shared, budget.newcomers, budget.address)
      if (budget.bytes !== undefined) limiter.add(stored, budget.bytes, storedBytes(ctx))
    }
    if (browser !== undefined) add(browser, budget.browser)
    return true
  }

  /** Runs after the answer. Counts against the portal only if the caller authenticated as it, and limits failed attempts. */
  function settle(ctx: Context, measured: Measured, status: number): boolean {
    const { group, budget, address, site } = measured
    const client = clientOf(ctx)
    if (status !== 401) {
      if (client !== undefined && isProven(ctx, client)) count(ctx, measured, client.clientId)
      return true
    }
    const failuresFrom = (place: string) =>
      counterOf(group, 'failures', hashed(`${client?.clientId ?? ''} ${place}`))
    const counter = failuresFrom(address ?? '')
    if (!check(ctx, measured, 'failures', counter)) return false
    if (site !== undefined && !check(ctx, measured, 'failures', failuresFrom(site), siteTimes)) return false
    add(counter, budget.failures)
    if (site !== undefined) add(failuresFrom(site), budget.failures)
    return true
  }

  /** Only the portal itself is told how much of its budget is left. */
  function count(ctx: Context, { group, budget }: Measured, clientId: string): void {
    if (budget.client === undefined) return
    const counter = counterOf(group, 'client', clientId)
    setRateLimitHeaders(ctx, 'client', budget.client, limiter.standing(counter, budget.client))
    add(counter, budget.client)
  }

  async function measure(ctx: Context, group: LimitGroup, next: () => Promise<unknown>): Promise<void> {
    const address = addressOf(ctx.req) ?? (group === 'device_code' ? 'unknown' : undefined)
    const beyond = address && siteOf(address)
    const measured: Measured = {
      group,
      site: beyond && hashed(beyond),
      budget: budgets[group],
      address: address && hashed(address),
      refused: false,
    }
    if (!admit(ctx, measured)) return refuse(ctx, measured)
    if (measured.budget.failures === undefined) return void (await next())
    try {
      await asking.run({ ctx, measured }, next)
    } catch (error) {
      if (settle(ctx, measured, errorTable[codeOf(error)].status)) throw error
      return refuse(ctx, measured)
    }
    if (measured.refused || !settle(ctx, measured, ctx.status)) refuse(ctx, measured)
  }

  function refuse(ctx: Context, { group, refused }: Measured): void {
    const error = new BrokerError('too_many_requests')
    // The boundary of that listener answers it, as it answers every failure.
    if (citizenGroups.has(group) || group === 'admin') throw error
    // A refusal by `admitClient` was thrown, and was reported where it was caught.
    if (!refused) report(log, ctx, error.code, error)
    ctx.remove('www-authenticate')
    if (group === 'portal_api') return answerProblem(ctx, error.code, error)
    ctx.status = 429
    ctx.body = {
      error: 'temporarily_unavailable',
      error_description: `${error.code} (${referenceOf(ctx)})`,
    }
  }

  return {
    middleware: (ctx, next) => measure(ctx, groupOf(ctx), next),
    admin: (ctx, next) => measure(ctx, 'admin', next),
    admitClient(clientId) {
      const { ctx, measured } = asking.getStore() ?? {}
      const limit = measured?.budget.client
      if (ctx === undefined || measured === undefined || limit === undefined) return
      const counter = counterOf(measured.group, 'client', clientId)
      // The caller has not authenticated yet, so it learns only whether the budget is spent.
      if (!limiter.standing(counter, limit).isSpent) return
      if (!measured.refused) check(ctx, measured, 'client', counter)
      measured.refused = true
      throw new BrokerError('too_many_requests')
    },
    close: limiter.close,
  }
}

/** Bytes that a request for a sign-in stores until the citizen returns: its parameters, and what the engine adds. */
const storedBytes = (ctx: Context): number =>
  700 + ctx.querystring.length + (ctx.method === 'POST' ? (ctx.request.length ?? 8 * 1024) : 0)

type Named = Pick<Client, 'clientId' | 'clientAuthMethod'>
const callers = new WeakMap<Context, Named>()
/** Counts a request against this portal. For routes of ours that authenticate the portal themselves. */
export const countAs = (ctx: Context, client: Named): void => void callers.set(ctx, client)
const clientOf = (ctx: Context): Named | undefined =>
  (ctx as { oidc?: { client?: Named } }).oidc?.client ?? callers.get(ctx)

/** Whether the answer, other than 401, proves that the portal sent the request: not for a portal without a secret, nor for a request refused before the engine authenticated it. */
const isProven = (ctx: Context, { clientAuthMethod }: Named): boolean =>
  clientAuthMethod !== 'none' && (ctx.body as { error?: string } | undefined)?.error !== 'invalid_request'

/** Sets the budget and what is left of it (draft-ietf-httpapi-ratelimit-headers-10). */
function setRateLimitHeaders(
  ctx: Context,
  dimension: Dimension,
  limit: number,
  { remaining, reset }: Standing,
): void {
  ctx.append('RateLimit-Policy', `"${dimension}";q=${limit};w=60`)
  ctx.append('RateLimit', `"${dimension}";r=${remaining};t=${reset}`)
}

const citizenGroups = new Set<LimitGroup>(['authorize', 'callback', 'pages', 'forms', 'user_code'])

const exact: Readonly<Record<string, LimitGroup>> = {
  '/auth': 'authorize',
  '/callback': 'callback',
  '/token': 'token',
  '/token/revocation': 'token',
  '/device/auth': 'device_code',
  '/token/introspection': 'introspection',
  '/request': 'par',
  '/me': 'userinfo',
  '/jwks': 'metadata',
  '/jwks/calendar': 'metadata',
  '/device': 'user_code',
}
const beneath: readonly (readonly [string, LimitGroup])[] = [
  ['/legacy-accounts', 'portal_api'],
  ['/figures', 'portal_api'],
  ['/.well-known/', 'metadata'],
  ['/device/', 'user_code'],
]
export const isPortalApi = (ctx: Context): boolean => groupOf(ctx) === 'portal_api'
/** Whether the address is a page or a step of a citizen's browser, not an API and not metadata. */
export const isForCitizens = (ctx: Context): boolean => citizenGroups.has(groupOf(ctx))
const groupOf = (ctx: Context): LimitGroup => (isPostedForm(ctx) ? 'forms' : groupAt(ctx.path))
const groupAt = (path: string): LimitGroup =>
  exact[path] ?? beneath.find(([start]) => path.startsWith(start))?.[1] ?? 'pages'
