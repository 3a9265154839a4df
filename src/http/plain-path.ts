/**
 * An address has one spelling. The engine's router takes upper case for lower and leaves out a slash at the end, and so
 * do some of ours; limits, guards and routes compare a path as it is written.
 */
import type { Middleware } from 'koa'
import { BrokerError } from '../errors.ts'

/** What may hold capitals. */
const ids = /^\/(?:auth|device|interaction)\/[\w.-]{20,}(?=\/|$)/

/** @throws BrokerError `not_found` */
export const requirePlainPath: Middleware = (ctx, next) => {
  const { path } = ctx
  if ((path !== '/' && path.endsWith('/')) || /[A-Z]/.test(path.replace(ids, '')))
    throw new BrokerError('not_found')
  return next()
}
