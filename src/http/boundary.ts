/**
 * Wraps every request. It gives the request a reference, pins the address, sets the security headers, writes one log line,
 * and turns every failure into an answer. No other place does that.
 */
import type Koa from 'koa'
import { BrokerError, type ErrorCode, errorTable } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { failures, httpRequests } from '../telemetry/metrics.ts'
import { randomBytesOf } from '../crypto/random.ts'
import { requireFewParameters } from './query.ts'
import { describeTrace, failTrace, inTrace, traceField } from '../telemetry/tracing.ts'

/**
 * Makes Koa report the issuer's host and protocol, whatever the Host header says. The engine builds every endpoint URL,
 * redirect and cookie from them.
 */
export function pinAddress(app: Koa, issuer: string): void {
  const { host, hostname, protocol, origin } = new URL(issuer)
  for (const [name, value] of Object.entries({ host, hostname, origin, protocol: protocol.slice(0, -1) })) {
    Object.defineProperty(app.request, name, { get: () => value })
  }
}

/** Crockford's base32, which a person can read out over the telephone. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const newReference = (): string => {
  let text = ''
  for (const byte of randomBytesOf(10)) text += alphabet[byte & 31]!
  return text
}

const references = new WeakMap<Koa.Context, string>()
/** The reference of this request: shown to people, and written in its log lines and audit events. */
export const referenceOf = (ctx: Koa.Context): string => references.get(ctx)!

export interface Failure {
  readonly code: ErrorCode
  readonly reference: string
}

export function createBoundary({
  log,
  issuer,
  renderFailure,
}: {
  log: Log
  issuer: string
  /** Renders the citizen's page for a failure that no route answered. */
  renderFailure: (ctx: Koa.Context, failure: Failure) => Promise<void>
}): Koa.Middleware {
  const headers = Object.entries({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'content-security-policy':
      "default-src 'none'; script-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'cross-origin-opener-policy': 'same-origin',
    ...(issuer.startsWith('https:') && {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  })
  const pass = createPassage({
    log,
    headers,
    async fail(ctx, { code }) {
      for (const header of ['location', 'set-cookie']) ctx.remove(header)
      await renderFailure(ctx, { code, reference: referenceOf(ctx) })
    },
    served(ctx, ms) {
      const route = String(ctx['_matchedRouteName'] ?? ctx['routerPath'] ?? 'other')
      httpRequests.observe({ route, status: String(ctx.status) }, ms / 1000)
      const portal = (ctx['oidc'] as { client?: { clientId: string } } | undefined)?.client?.clientId
      describeTrace(
        { 'http.route': route, ...(portal !== undefined && { 'broker.client': portal }) },
        `${ctx.method} ${route}`,
      )
      log.info({
        event: 'request.served',
        method: ctx.method,
        route,
        status: ctx.status,
        ms: Math.round(ms * 10) / 10,
        reference: referenceOf(ctx),
        ...traceField(),
      })
    },
  })
  return function boundary(ctx, next) {
    // A request target may be absolute (RFC 9112 §3.2.2), and Koa would use the host in it.
    if (!ctx.url.startsWith('/')) {
      ctx.url = `/${ctx.url.replace(/^https?:\/\/[^/?#]*\/?/i, '')}`
      ctx.originalUrl = ctx.request.originalUrl = ctx.url
    }
    return pass(ctx, next)
  }
}

/** Seconds after which a caller may try again when a store or VNeID does not answer. */
const retryAfter = '30'

/** The part that every listener shares: reference, fixed headers, failure → answer, log line. */
export function createPassage({
  log,
  headers,
  fail,
  served,
}: {
  log: Log
  headers: readonly (readonly [name: string, value: string])[]
  fail: (ctx: Koa.Context, failure: { code: ErrorCode; error: unknown }) => Promise<void> | void
  served: (ctx: Koa.Context, ms: number) => void
}): Koa.Middleware {
  async function pass(ctx: Koa.Context, next: Koa.Next) {
    const begun = performance.now()
    references.set(ctx, newReference())
    for (const [name, value] of headers) ctx.res.setHeader(name, value)
    ctx.res.setHeader('x-reference', referenceOf(ctx))
    try {
      boundQuery(ctx)
      await next()
      if (ctx.status === 404 && ctx.body === undefined) throw new BrokerError('not_found')
    } catch (error) {
      const code = codeOf(error)
      report(log, ctx, code, error)
      await fail(ctx, { code, error })
    }
    const { method, status } = ctx
    if (status === 503 && !ctx.res.hasHeader('retry-after')) ctx.set('retry-after', retryAfter)
    describeTrace({
      'http.request.method': method,
      'http.response.status_code': status,
      'broker.reference': referenceOf(ctx),
    })
    if (status >= 500) failTrace()
    served(ctx, performance.now() - begun)
  }
  return (ctx, next) => inTrace(ctx.get('traceparent'), () => pass(ctx, next))
}

/** Refuses a query of too many parameters before the limits, and before a page could read it. */
function boundQuery(ctx: Koa.Context): void {
  try {
    requireFewParameters(ctx.querystring)
  } catch (error) {
    ctx.querystring = ''
    throw error
  }
}

/** Our code for any error. Errors of the engine come from its own routes; an error that we do not know is a `server_error`. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof BrokerError) return error.code
  const { name, error: oauth, status } = (error ?? {}) as { name?: string; error?: string; status?: number }
  if (name === 'SessionNotFound') return 'interaction_gone'
  if (oauth === 'server_error' || oauth === undefined)
    return status === 413 ? 'request_too_large' : 'server_error'
  return 'request_invalid'
}

/** Logs and counts a failure. Every failure is logged only here, and never with its input. */
export function report(log: Log, ctx: Koa.Context, code: ErrorCode, error: unknown): void {
  failures.inc({ code })
  const detail = error instanceof BrokerError ? error.detail : undefined
  const { level } = errorTable[code]
  describeTrace({ 'broker.failure': code })
  if (level === 'error') failTrace()
  log[level]({
    event: 'request.failed',
    failure: code,
    detail,
    reference: referenceOf(ctx),
    ...traceField(),
    ...(level === 'error' ? { err: error } : {}),
  })
}
