/**
 * Accepts only one spelling of each path. The engine's router and some of ours ignore case and a trailing slash, while
 * limits and guards compare the path literally, so another spelling would bypass them.
 */
import type { Middleware } from 'koa'
import { BrokerError } from '../errors.ts'

/** Path segments that may contain capitals. */
const ids = /^\/(?:auth|device|interaction)\/[\w.-]{20,}(?=\/|$)/

/** @throws BrokerError `not_found` */
export const requirePlainPath: Middleware = (ctx, next) => {
  const { path } = ctx
  if ((path !== '/' && path.endsWith('/')) || /[A-Z]/.test(path.replace(ids, '')))
    throw new BrokerError('not_found')
  return next()
}
