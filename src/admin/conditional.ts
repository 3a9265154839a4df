/** Conditional requests (RFC 9110 §13): a write names the version it is based on, a read the version it already has. */
import type { Context } from 'koa'
import { BrokerError } from '../errors.ts'
import type { Operation } from './operation.ts'

export const strongEtag = /^"([\x21\x23-\x7e]+)"$/

/** @returns the version in `If-Match`, without quotes; undefined if the operation is not `conditional` */
export function versionToMatch({ conditional }: Operation, ctx: Context): string | undefined {
  if (conditional !== true) return undefined
  const given = ctx.get('if-match')
  if (given === '') throw new BrokerError('precondition_required')
  // A weak tag never matches, and `*` matches every version: neither names one.
  const [, version] = strongEtag.exec(given) ?? []
  if (version === undefined)
    throw new BrokerError(
      'input_invalid',
      'If-Match: must be one strong ETag, exactly as the GET returned it',
    )
  return version
}

/** Answers 304 if the caller already has this version. */
export function answerNotModified(ctx: Context): void {
  const etag = ctx.response.get('etag') as string | undefined
  const known = ctx.get('if-none-match').split(',').map(strong)
  if (etag !== undefined && known.includes(strong(etag))) {
    // Setting an empty body makes Koa set 204, so the status comes second.
    ctx.body = null
    ctx.status = 304
  }
}

const strong = (tag: string): string => tag.trim().replace(/^W\//, '')
