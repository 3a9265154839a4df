import type { Context } from 'koa'
import { record } from '../recording.ts'
import { type ErrorCode, errorTable } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Log } from '../telemetry/log.ts'
import { currentUnit } from '../oidc/unit-of-work.ts'
import type { Db } from '../store/db.ts'
import { tallyLogin } from '../telemetry/tally.ts'

/**
 * What kept a citizen out of a portal, before, after or without the trip to VNeID: a log line and an audit event.
 * @throws the error itself where the portal has no word for it
 */
export async function recordRefusal(
  { db, log }: { db: Db; log: Log },
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
  // What kept the citizen out may be the very database: then the portal must hear of it all the same.
  if (code === 'store_unavailable') return { code, oauth }
  await record({ db, log }, [{ event: 'login.refused', clientId, actor: 'citizen', reference, detail }])
  return { code, oauth }
}

/** A session has ended: now, not with the answer, whatever fails from here on; and then in the audit. */
export async function recordSessionEnd(
  { db, log }: { db: Db; log: Log },
  ctx: Context,
  subjectId: string,
  reason: 'logout' | 'another_person',
): Promise<void> {
  await currentUnit().commit()
  await record({ db, log }, [
    { event: 'session.ended', subjectId, actor: 'citizen', reference: referenceOf(ctx), detail: { reason } },
  ])
}
