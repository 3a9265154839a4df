/** Answers a failure of an API with a problem document (RFC 9457). */
import type { Context } from 'koa'
import { BrokerError, type ErrorCode, errorTable } from '../errors.ts'
import { referenceOf } from './boundary.ts'

/** The section of docs/errors.md about the code. */
const problemType = (code: ErrorCode): string => `urn:vneid-sso-gateway:docs/errors.md#${code}`

/** Answers with `type`, `title`, `status`, `code`, `reference`, sometimes `detail`, and for invalid input `errors` (`path`, `message`). */
export function answerProblem(ctx: Context, code: ErrorCode, error: unknown): void {
  const { status, meaning } = errorTable[code]
  ctx.status = status
  ctx.type = 'application/problem+json'
  // RFC 6750 §3.
  if (status === 401) ctx.set('www-authenticate', 'Bearer')
  // Only our own errors have a detail here: the text of any other error may quote the request.
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
