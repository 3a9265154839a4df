/** A failure as an API tells it (RFC 9457). */
import type { Context } from 'koa'
import { BrokerError, type ErrorCode, errorTable } from '../errors.ts'
import { referenceOf } from './boundary.ts'

/** The section of docs/errors.md that tells of the code. */
const problemType = (code: ErrorCode): string => `urn:vneid-sso-gateway:docs/errors.md#${code}`

/** Gives `type`, `title`, `status`, `code`, `reference`; `detail` and, of a bad input, `errors` by field. */
export function answerProblem(ctx: Context, code: ErrorCode, error: unknown): void {
  const { status, meaning } = errorTable[code]
  ctx.status = status
  ctx.type = 'application/problem+json'
  // RFC 6750 §3.
  if (status === 401) ctx.set('www-authenticate', 'Bearer')
  // Anything but our own words may quote what it met.
  const own = error instanceof BrokerError ? error : undefined
  const detail = own?.detail
  const faults =
    own?.faults ?? (code === 'input_invalid' ? [{ path: '', message: detail ?? meaning }] : undefined)
  ctx.body = JSON.stringify({
    type: problemType(code),
    title: meaning,
    status,
    ...(detail !== undefined && { detail }),
    code,
    reference: referenceOf(ctx),
    ...(faults !== undefined && { errors: faults }),
  })
}
