/** What the engine lacks for a logout: ending a session outside its logout page, and judging a request before it runs. */
import type { ParsedUrlQuery } from 'node:querystring'
import { decodeJwt } from 'jose'
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

/** Removes the session's cookie from the browser. @returns false if the browser has none */
export function forgetSession(provider: Provider, ctx: Context): boolean {
  const name = provider.cookieName('session')
  if (ctx.cookies.get(name, { signed: false }) === undefined) return false
  const { secure } = ctx
  const options = {
    httpOnly: true,
    sameSite: 'lax',
    secure,
    path: '/',
    signed: true,
    overwrite: true,
  } as const
  ctx.cookies.set(name, null, options)
  return true
}

const known = ['client_id', 'id_token_hint', 'post_logout_redirect_uri', 'state', 'ui_locales', 'logout_hint']

/**
 * Judges what a logout request names (RP-Initiated Logout 1.0 §2), as the engine does, which shows an error page for a fault.
 * @returns the fault in the engine's words; undefined if there is none
 */
export async function logoutFault(provider: Provider, query: ParsedUrlQuery): Promise<string | undefined> {
  const twice = known.find((name) => Array.isArray(query[name]))
  if (twice !== undefined) return `'${twice}' parameter must not be provided twice`
  const {
    client_id: id,
    id_token_hint: hint,
    post_logout_redirect_uri: address,
  } = query as Record<string, string | undefined>
  const named = hint ? audienceOf(hint) : id
  if (hint && named === undefined) return 'could not decode id_token_hint'
  // Without a portal no address is registered, and the engine ignores it.
  if (!named) return address ? notRegistered : undefined
  if (id && id !== named) return 'client_id does not match the provided id_token_hint'
  try {
    const client = await provider.Client.find(named)
    if (client === undefined) return 'client not found'
    if (hint) await provider.IdToken.validate(hint, client)
    return address && !client.postLogoutRedirectUriAllowed(address) ? notRegistered : undefined
  } catch {
    return 'could not validate id_token_hint'
  }
}
const notRegistered = 'post_logout_redirect_uri not registered'

/** The one audience of an ID token, unchecked. */
export function audienceOf(hint: string): string | undefined {
  try {
    const { aud } = decodeJwt(hint)
    return typeof aud === 'string' ? aud : undefined
  } catch {
    return undefined
  }
}
