/** A failure as an API tells it (RFC 9457). */
import type { Context } from 'koa'
import { BrokerError, type ErrorCode, errorTable } from '../errors.ts'
import { referenceOf } from './boundary.ts'

export function answerProblem(ctx: Context, code: ErrorCode, error: unknown): void {
  const { status, meaning } = errorTable[code]
  ctx.status = status
  ctx.type = 'application/problem+json'
  // RFC 6750 §3.
  if (status === 401) ctx.set('www-authenticate', 'Bearer')
  ctx.body = JSON.stringify({
    type: `urn:vneid-sso-gateway:error:${code}`,
    title: meaning,
    status,
    // Anything but our own words may quote what it met.
    ...(error instanceof BrokerError && error.detail !== undefined && { detail: error.detail }),
    code,
    reference: referenceOf(ctx),
  })
}
