/** Ends a session outside the engine's logout page: notifies the portals and ends grants and tokens. */
import type { Context } from 'koa'
import type { Provider, Session } from 'oidc-provider'
import type { Log } from '../telemetry/log.ts'
import { tallyLogout } from '../telemetry/tally.ts'
import { traced } from '../telemetry/tracing.ts'

/** The engine's session of this browser, with or without a person; a new one if the browser has none. */
export const browserSession = (provider: Provider, ctx: Context): Promise<Session> =>
  (provider.Session as unknown as { get(ctx: Context): Promise<Session> }).get(ctx)

/** The session of this browser, if it has one with a person. */
export async function sessionOf(provider: Provider, ctx: Context): Promise<Session | undefined> {
  const session = await browserSession(provider, ctx)
  return session.accountId === undefined ? undefined : session
}

/** Sends a logout token to every portal of the session (OIDC Back-Channel Logout 1.0 §2.5). The session ends even if a portal does not answer. */
export async function endSession(provider: Provider, session: Session, log: Log): Promise<void> {
  const entries = Object.entries(session.authorizations ?? {})
  await Promise.all(
    entries.map(async ([clientId, { sid, grantId, persistsLogout }]) => {
      // §2.7: grants with `offline_access` continue.
      if (grantId !== undefined && !persistsLogout) await (await provider.Grant.find(grantId))?.destroy()
      const client = await provider.Client.find(clientId)
      if (client?.backchannelLogoutUri === undefined) return
      const notify = client as unknown as { backchannelLogout(sub: string, sid?: string): Promise<void> }
      await traced('tell portal', () => notify.backchannelLogout(session.accountId!, sid), {
        kind: 'client',
        'broker.client': clientId,
      }).then(
        () => tallyLogout(clientId, 'delivered'),
        (error: unknown) => {
          tallyLogout(clientId, 'failed')
          log.warn({ event: 'logout.undelivered', client: clientId, err: error })
        },
      )
    }),
  )
  await session.destroy()
}
