/** Ends the browser's session with us, and audits it. */
import type { Context } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import type { BrokerSession } from '../oidc/identity-record.ts'
import { browserSession, endSession } from '../oidc/logout.ts'
import { currentUnit } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { record } from '../recording.ts'
import { noteArrival } from './browser.ts'
import type { PendingLogin, PendingLogins, Trips } from './trip.ts'

/**
 * Makes the person who has returned from VNeID the user of this browser. On a shared computer no person may inherit another
 * person's session, nor anything that another person began: both end here.
 * @param number the person's identification number
 * @param isSame whether a session belongs to the same person
 * @returns the login, bound to the browser's new name if it has got one
 */
export async function handOver(
  {
    db,
    log,
    provider,
    trips,
    pending,
  }: Pick<Parts, 'db' | 'log' | 'provider'> & {
    trips: Trips
    pending: PendingLogins
  },
  ctx: Context,
  login: PendingLogin,
  number: string,
  isSame: (session: BrokerSession) => boolean,
): Promise<PendingLogin> {
  const { interaction } = login
  const session = await browserSession(provider, ctx)
  const other = session.accountId !== undefined && !isSame(session) ? session.accountId : undefined
  if (!noteArrival(ctx, number, other !== undefined)) return login
  if (other !== undefined) await endSession(provider, session, log)
  // A session without a person holds the secret of a form that the earlier person opened.
  else if (session.accountId === undefined) await session.destroy()
  delete interaction.session
  // Both hold even if a later step of the request fails.
  if (other === undefined) await currentUnit().commit()
  else await noteSessionEnd({ db, log }, ctx, other, 'another_person')
  return pending.restore(interaction, trips.bind(ctx, login))
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
