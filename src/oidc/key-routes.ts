/** Publishes our keys to portals: the JWK Set, and the calendar of its changes. */
import Router from '@koa/router'
import type Koa from 'koa'
import { cacheTime } from '../store/keys.ts'
import type { SigningKeys } from './key-store.ts'

/** Runs before the engine's own route, which would also publish retired keys and sends no cache headers. */
export function createKeyRoutes({ keys }: { keys: SigningKeys }): Koa.Middleware {
  const router = new Router({ strict: true })
  const answer = (ctx: Koa.Context, type: string, body: string) => {
    ctx.set('cache-control', `public, max-age=${cacheTime}`)
    ctx.set('access-control-allow-origin', '*')
    ctx.set('cross-origin-resource-policy', 'cross-origin')
    ctx.etag = keys.published().etag
    ctx.status = 200
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.type = type
    ctx.body = body
  }
  router.get('jwks', '/jwks', (ctx) => {
    answer(ctx, 'application/jwk-set+json; charset=utf-8', keys.published().jwks)
  })
  router.get('jwks.calendar', '/jwks/calendar', (ctx) => {
    answer(ctx, 'application/json; charset=utf-8', calendarOf(keys))
  })
  return router.routes() as Koa.Middleware
}

const calendarOf = (keys: SigningKeys): string =>
  JSON.stringify({
    cache_seconds: cacheTime,
    keys: keys.published().calendar.map((row) => ({
      kid: row.kid,
      alg: row.alg,
      state: row.state,
      published_at: row.publishedAt,
      signs_from: row.signsFrom,
      signs_until: row.signsUntil,
      published_until: row.publishedUntil,
    })),
  })
