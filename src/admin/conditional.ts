/** Conditional requests (RFC 9110 §13): a change names the version it was made from, a read the one it has. */
import type { Context } from 'koa'
import { BrokerError } from '../errors.ts'
import type { Operation } from './operation.ts'

/** @returns of a `conditional` row the version in `If-Match`, without its quotes */
export function versionToMatch({ conditional }: Operation, ctx: Context): string | undefined {
  if (conditional !== true) return undefined
  const given = ctx.get('if-match')
  if (given === '') throw new BrokerError('precondition_required')
  // A weak tag never matches, and `*` would be a change of whatever is there: neither names a version.
  const [, version] = /^"([\x21\x23-\x7e]+)"$/.exec(given) ?? []
  if (version === undefined)
    throw new BrokerError('input_invalid', 'If-Match: must be one ETag as it was read')
  return version
}

/** 304 in place of what the caller has already. */
export function answerNotModified(ctx: Context): void {
  const etag = ctx.response.get('etag') as string | undefined
  const known = ctx.get('if-none-match').split(',').map(strong)
  if (etag !== undefined && known.includes(strong(etag))) {
    // Koa takes an empty body for a 204.
    ctx.body = null
    ctx.status = 304
  }
}

const strong = (tag: string): string => tag.trim().replace(/^W\//, '')
