/**
 * Rate limits. Many citizens share one address (a counter PC, an office, a mobile network),
 * so an address as a whole has a high budget, and within it browsers are told apart by the cookie that they got
 * with their first step: when it is spent, newcomers wait first, and a login under way goes on to its end.
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
import { createAddressOf } from './client-address.ts'
import { type Standing, createLimiter } from './limiter.ts'
import { isPostedForm } from './posted-form.ts'
import { answerProblem } from './problem.ts'

export interface Limits {
  /** Of the public listener; within the boundary, before anything costs. */
  readonly middleware: Middleware
  /** Of the admin API, likewise. */
  readonly admin: Middleware
  /** Asked whenever a portal is looked up. @throws BrokerError `too_many_requests` when this one has had its share */
  admitClient(clientId: string): void
  close(): void
}

/** What one request is measured by. */
interface Measured {
  readonly group: LimitGroup
  readonly budget: Budget
  readonly address: string | undefined
  /** By `admitClient`. */
  refused: boolean
}

export function createLimits({
  config,
  state,
  log,
  browserOf,
}: Pick<Parts, 'config' | 'state' | 'log'> & {
  /** The name of a browser that we know. */
  browserOf: (ctx: Context) => string | undefined
}): Limits {
  const { networks: proxies, header } = config.proxies
  const addressOf = createAddressOf({ proxies, header })
  // Addresses and browsers are counted under keyed hashes: neither the state nor a log learns one.
  const key = config.keys.cookie[0]!
  const limiter = createLimiter({ state })
  const digest = createKeyedHash(Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'rate limits', 32)))
  const hashed = (text: string) => digest(text).toString('base64url', 0, 12)
  const budgets = Object.fromEntries(
    limitGroups.map((group) => [group, { ...limitTable[group], ...config.limits[group] }]),
  ) as Readonly<Record<LimitGroup, Budget>>
  const asking = new AsyncLocalStorage<{ ctx: Context; measured: Measured }>()

  /** @returns whether there is room; tells the caller how much either way */
  function check(ctx: Context, { group, budget }: Measured, dimension: Dimension, counter: string): boolean {
    const most = budget[dimension]
    if (most === undefined) return true
    const standing = limiter.standing(counter, most)
    tell(ctx, dimension, most, standing)
    if (!standing.isSpent) return true
    ctx.set('retry-after', String(standing.reset))
    limited.inc({ group, dimension })
    return false
  }
  const add = (counter: string, ...mosts: (number | undefined)[]) => {
    const given = mosts.filter((most) => most !== undefined)
    if (given.length > 0) limiter.add(counter, Math.min(...given))
  }
  const counterOf = (group: LimitGroup, what: string, who: string) => `${group}:${what}:${who}`

  /** Browser and address, before anything else is done. */
  function admit(ctx: Context, measured: Measured): boolean {
    const { group, budget, address } = measured
    const name = budget.browser === undefined ? undefined : browserOf(ctx)
    const browser = name && counterOf(group, 'browser', hashed(name))
    const crowd = address && counterOf(group, 'address', address)
    if (browser !== undefined && !check(ctx, measured, 'browser', browser)) return false
    if (crowd !== undefined) {
      if (browser === undefined && !check(ctx, measured, 'newcomers', crowd)) return false
      if (!check(ctx, measured, 'address', crowd)) return false
      add(crowd, budget.newcomers, budget.address)
    }
    if (browser !== undefined) add(browser, budget.browser)
    return true
  }

  /** After the answer: only who proved to be the portal is counted as it, and only who failed to is slowed. */
  function settle(ctx: Context, measured: Measured, status: number): boolean {
    const { group, budget, address } = measured
    const client = clientOf(ctx)
    if (status !== 401) {
      if (client !== undefined && isProven(ctx, client)) count(ctx, measured, client.clientId)
      return true
    }
    const counter = counterOf(group, 'failures', hashed(`${client?.clientId ?? ''} ${address ?? ''}`))
    if (!check(ctx, measured, 'failures', counter)) return false
    add(counter, budget.failures)
    return true
  }

  /** Only the portal itself is told how much of its budget is left. */
  function count(ctx: Context, { group, budget }: Measured, clientId: string): void {
    if (budget.client === undefined) return
    const counter = counterOf(group, 'client', clientId)
    tell(ctx, 'client', budget.client, limiter.standing(counter, budget.client))
    add(counter, budget.client)
  }

  async function measure(ctx: Context, group: LimitGroup, next: () => Promise<unknown>): Promise<void> {
    const address = addressOf(ctx.req) ?? (group === 'device_code' ? 'unknown' : undefined)
    const measured: Measured = {
      group,
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
    // Answered as the boundary of that listener answers whatever fails.
    if (citizenGroups.has(group) || group === 'admin') throw error
    // What was thrown at the portal has been reported where it was caught.
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
      const most = measured?.budget.client
      if (ctx === undefined || measured === undefined || most === undefined) return
      const counter = counterOf(measured.group, 'client', clientId)
      // The caller has proved nothing yet, and is told no more than that this budget is spent.
      if (!limiter.standing(counter, most).isSpent) return
      if (!measured.refused) check(ctx, measured, 'client', counter)
      measured.refused = true
      throw new BrokerError('too_many_requests')
    },
    close: limiter.close,
  }
}

type Named = Pick<Client, 'clientId' | 'clientAuthMethod'>
const callers = new WeakMap<Context, Named>()
/** A request that the engine does not answer has proved to come from this portal. */
export const countAs = (ctx: Context, client: Named): void => void callers.set(ctx, client)
const clientOf = (ctx: Context): Named | undefined =>
  (ctx as { oidc?: { client?: Named } }).oidc?.client ?? callers.get(ctx)

/** Of an answer other than 401. To name a portal without a secret proves nothing; nor does a request that the engine did not go on to read. */
const isProven = (ctx: Context, { clientAuthMethod }: Named): boolean =>
  clientAuthMethod !== 'none' && (ctx.body as { error?: string } | undefined)?.error !== 'invalid_request'

/** draft-ietf-httpapi-ratelimit-headers-10: what is in force, and what is left of it. */
function tell(ctx: Context, dimension: Dimension, most: number, { remaining, reset }: Standing): void {
  ctx.append('RateLimit-Policy', `"${dimension}";q=${most};w=60`)
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
const groupOf = (ctx: Context): LimitGroup => (isPostedForm(ctx) ? 'forms' : groupAt(ctx.path))
const groupAt = (path: string): LimitGroup =>
  exact[path] ?? beneath.find(([start]) => path.startsWith(start))?.[1] ?? 'pages'
