/** What kept a citizen out of a portal, before, after or without the trip to VNeID. */
import type { Context } from 'koa'
import { type ErrorCode, errorTable } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Parts } from '../parts.ts'
import { record } from '../recording.ts'
import { tallyLogin } from '../telemetry/tally.ts'

/**
 * A log line, a count and an audit event.
 * @returns our code, and the OAuth error that the portal hears
 * @throws the error itself where no OAuth error stands for it
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
  // The database may be what failed: the portal must hear of it all the same.
  if (code === 'store_unavailable') return { code, oauth }
  await record({ db, log }, [{ event: 'login.refused', clientId, actor: 'citizen', reference, detail }])
  return { code, oauth }
}
