/** Records why a citizen was refused at a portal, before, after or without a trip to VNeID. */
import type { Context } from 'koa'
import { type ErrorCode, errorTable } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Parts } from '../parts.ts'
import { record } from '../recording.ts'
import { tallyLogin } from '../telemetry/tally.ts'

/**
 * Writes a log line, a metric and an audit event.
 * @returns our code, and the OAuth error for the portal
 * @throws the error itself if its code has no OAuth error
 */
export async function noteRefusal(
  { db, log }: Pick<Parts, 'db' | 'log'>,
  ctx: Context,
  clientId: string,
  error: unknown,
): Promise<{ code: ErrorCode; oauth: string }> {
  const code = codeOf(error)
  const { oauth } = errorTable[code] as { oauth?: string }
  if (oauth === undefined) throw error
  report(log, ctx, code, error)
  tallyLogin(clientId, code)
  const reference = referenceOf(ctx)
  const detail = { failure: code }
  // If the database failed, the audit event cannot be written; the portal still gets its answer.
  if (code === 'store_unavailable') return { code, oauth }
  await record({ db, log }, [{ event: 'login.refused', clientId, actor: 'citizen', reference, detail }])
  return { code, oauth }
}
