/** Ends the browser's session with us, and audits it. */
import type { Context } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import type { BrokerSession } from '../oidc/identity-record.ts'
import { endSession, sessionOf } from '../oidc/logout.ts'
import { currentUnit } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { record } from '../recording.ts'
import type { PendingLogin } from './trip.ts'

/** Ends the session unless it belongs to the same person. On a shared computer no person may inherit another person's session. */
export async function endSessionUnless(
  { db, log, provider }: Pick<Parts, 'db' | 'log' | 'provider'>,
  ctx: Context,
  { interaction }: PendingLogin,
  isSame: (session: BrokerSession) => boolean,
): Promise<void> {
  const session = await sessionOf(provider, ctx)
  if (session?.accountId === undefined || isSame(session)) return
  await endSession(provider, session, log)
  delete interaction.session
  await noteSessionEnd({ db, log }, ctx, session.accountId, 'another_person')
}

/** Commits the end of a session at once, so that it holds even if a later step of the request fails, and then audits it. */
export async function noteSessionEnd(
  { db, log }: Pick<Parts, 'db' | 'log'>,
  ctx: Context,
  subjectId: string,
  reason: 'logout' | 'another_person',
): Promise<void> {
  await currentUnit().commit()
  await record({ db, log }, [
    { event: 'session.ended', subjectId, actor: 'citizen', reference: referenceOf(ctx), detail: { reason } },
  ])
}
