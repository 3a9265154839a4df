/**
 * The operators' face: the admin API, on a port of its own that the internet never reaches. Every operation is a
 * row of one table (`operations`); who asks, whether they may, and what they send is settled before a row is asked.
 */
import { createServer, type Server } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { BrokerError } from '../errors.ts'
import { codeOf, newReference, referenceOf, report } from '../http/boundary.ts'
import { answerProblem } from '../http/problem.ts'
import type { Log } from '../log.ts'
import type { Db } from '../store/db.ts'
import type { State } from '../store/state.ts'
import { createAuthentication } from './authentication.ts'
import { type Operation, nameOf, parseInput } from './operation.ts'

const headers = Object.entries({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
})

/** @param audience what an operator's assertion must be made for */
export function createAdminServer({
  audience,
  db,
  state,
  log,
  operations,
}: {
  audience: string
  db: Db
  state: State
  log: Log
  operations: readonly Operation[]
}): Server {
  const authenticate = createAuthentication({ db, state, audience })
  const app = new Koa()
  // What even the boundary could not answer: a stream that broke after its first byte.
  app.on('error', (error: Error & { headerSent?: boolean }, ctx: Koa.Context) =>
    report(log, ctx, 'server_error', error),
  )
  app.use(createBoundary(log))

  const router = new Router({ strict: true })
  for (const row of operations) {
    router.register(row.path, [row.method], async (ctx) => {
      ctx.state['operation'] = nameOf(row)
      const operator = await authenticate(ctx.get('authorization'))
      ctx.state['operator'] = operator.id
      if (!row.roles.some((role) => operator.roles.includes(role)))
        throw new BrokerError('forbidden', `needs ${row.roles.join(' or ')}`)
      const { params } = ctx
      const input = await parseInput(row, ctx, params)
      const reference = referenceOf(ctx)
      const answer = await row.handle({ operator, params, ...input, request: ctx.req, reference, ctx })
      if (answer !== undefined) {
        ctx.status = row.status ?? 200
        ctx.body = answer
      } else if (ctx.body === undefined) ctx.status = 204
    })
  }
  app.use(router.routes())
  const callback = app.callback()
  // A large file takes its time; a header does not.
  return createServer({ requestTimeout: 4 * 3_600_000, headersTimeout: 10_000 }, (request, response) => {
    void callback(request, response)
  })
}

function createBoundary(log: Log): Koa.Middleware {
  return async function boundary(ctx, next) {
    const begun = performance.now()
    ctx.state['reference'] = newReference()
    for (const [name, value] of headers) ctx.res.setHeader(name, value)
    ctx.res.setHeader('x-reference', referenceOf(ctx))
    try {
      await next()
      if (ctx.status === 404 && ctx.body === undefined) throw new BrokerError('not_found')
    } catch (error) {
      const code = codeOf(error)
      report(log, ctx, code, error)
      answerProblem(ctx, code, error)
    }
    log.info({
      event: 'operation.served',
      operation: (ctx.state['operation'] as string | undefined) ?? 'other',
      operator: ctx.state['operator'] as string | undefined,
      status: ctx.status,
      ms: Math.round((performance.now() - begun) * 10) / 10,
      reference: referenceOf(ctx),
    })
  }
}
