/**
 * The admin API's server, on a port of its own that is not exposed to the internet. Every operation is a row of one
 * table (`operations`); authentication, roles and input are checked before its `handle` is called.
 */
import type { Server } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { BrokerError } from '../errors.ts'
import { createPassage, referenceOf, report } from '../http/boundary.ts'
import { createListener } from '../http/listener.ts'
import { answerProblem } from '../http/problem.ts'
import { readQueryOnce } from '../http/query.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Db } from '../store/db.ts'
import type { State } from '../store/state/state.ts'
import { describeTrace } from '../telemetry/tracing.ts'
import { type PersonOf, createAuthentication } from './authentication.ts'
import { answerNotModified, versionToMatch } from './conditional.ts'
import { type KeptAnswer, createOnce, keyIn } from './idempotency.ts'
import { type Call, type Operation, nameOf, parseInput, takesKey } from './operation.ts'

const headers = Object.entries({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
})

/** Operation and operator of a request, for its log line. */
interface Asked {
  readonly operation: string
  operator?: string
}
const served = new WeakMap<Koa.Context, Asked>()

/** @param audience the required `aud` of operators' assertions */
export function createAdminServer({
  audience,
  db,
  state,
  seal,
  log,
  limit = (_ctx, next) => next(),
  personOf,
  operations,
  headersTimeout,
}: {
  audience: string
  db: Db
  state: State
  /** Seals stored answers, because an answer may hold a secret that is shown only once. */
  seal: Seal
  log: Log
  /** Limits the rate of requests and of failures. */
  limit?: Koa.Middleware
  /** Finds the operator of an access token. Absent: only assertions are accepted. */
  personOf?: PersonOf
  operations: readonly Operation[]
  /** Seconds in which a request's headers must arrive. */
  headersTimeout?: number
}): Server {
  const authenticate = createAuthentication({ db, state, audience, personOf })
  const once = createOnce({ db, seal, log })
  const app = new Koa()
  readQueryOnce(app)
  // Errors that the boundary cannot answer, such as a stream that breaks after its first byte.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) =>
    report(log, ctx, 'server_error', error),
  )
  app.use(createBoundary(log))
  app.use(limit)

  const router = new Router({ strict: true })
  for (const row of operations) {
    router.register(row.path, [row.method], async (ctx) => {
      const asked: Asked = { operation: nameOf(row) }
      served.set(ctx, asked)
      const operator = await authenticate(ctx.get('authorization'))
      asked.operator = operator.id
      if (!row.roles.some((role) => operator.roles.includes(role)))
        throw new BrokerError('forbidden', `needs the role ${row.roles.join(' or ')}`)
      const { params } = ctx
      const key = takesKey(row) ? keyIn(ctx.req) : undefined
      const { sent, ...input } = await parseInput(row, ctx, params)
      const ifMatch = versionToMatch(row, ctx)
      const reference = referenceOf(ctx)
      const call = { operator, params, ...input, ifMatch, request: ctx.req, reference, ctx }
      if (key === undefined) return carryOut(row, call)
      const request = [ctx.url, ifMatch, sent]
      const keyed = { operatorId: operator.id, operation: nameOf(row), key, request, reference }
      const answer = await once(keyed, async () => {
        await carryOut(row, call)
        return toKeep(ctx)
      })
      if (answer.isReplayed) repeat(ctx, answer)
      return undefined
    })
  }
  app.use(router.routes())
  const callback = app.callback()
  // Four hours, for large uploads. `headers` limits headers, and `parseInput` JSON bodies, to seconds.
  return createListener((request, response) => void callback(request, response), {
    headers: headersTimeout,
    request: 4 * 3_600,
  })
}

async function carryOut(row: Operation, call: Call): Promise<void> {
  const { ctx } = call
  const answer = await row.handle(call)
  if (answer !== undefined) {
    ctx.status = row.status ?? 200
    ctx.body = answer
    if (row.method === 'GET') answerNotModified(ctx)
  } else if (ctx.body === undefined) ctx.status = 204
}

/** Response headers that are stored with the answer. */
const keptHeaders = ['location', 'etag']
const toKeep = ({ status, body, res, response }: Koa.Context): KeptAnswer => ({
  status,
  headers: Object.fromEntries(
    keptHeaders.filter((name) => res.hasHeader(name)).map((name) => [name, response.get(name)]),
  ),
  body,
})
function repeat(ctx: Koa.Context, { status, headers: kept, body }: KeptAnswer): void {
  ctx.status = status
  ctx.set({ ...kept, 'idempotency-replayed': 'true' })
  if (body !== undefined) ctx.body = body
}

const createBoundary = (log: Log) =>
  createPassage({
    log,
    headers,
    fail: (ctx, { code, error }) => answerProblem(ctx, code, error),
    served(ctx, ms) {
      const { operation, operator } = served.get(ctx) ?? {}
      describeTrace({}, operation ?? 'operation')
      log.info({
        event: 'operation.served',
        operation: operation ?? 'other',
        operator,
        status: ctx.status,
        ms: Math.round(ms * 10) / 10,
        reference: referenceOf(ctx),
      })
    },
  })
