import type { Context } from 'koa'
import { type AuditEvent, announce } from '../audit.ts'
import { type ErrorCode, errorTable } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Log } from '../log.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Db } from '../store/db.ts'

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
  const event: AuditEvent = {
    event: 'login.refused',
    clientId,
    actor: 'citizen',
    reference: referenceOf(ctx),
    detail: { code },
  }
  await insertAuditEvents(db, [event])
  announce(log, [event])
  return { code, oauth }
}
