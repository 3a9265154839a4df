/** Logout, around the engine's own endpoints: it skips a page that asks nothing, and ends the session at VNeID too. */
import { randomBytes } from 'node:crypto'
import type { ParsedUrlQuery } from 'node:querystring'
import Router from '@koa/router'
import { decodeJwt } from 'jose'
import type { Middleware } from 'koa'
import type { Session } from 'oidc-provider'
import { sessionOf } from '../oidc/logout.ts'
import type { Parts } from '../parts.ts'
import { renameBrowser } from './browser.ts'
import { noteSessionEnd } from './session.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'

export function createLogoutRoutes({
  config,
  db,
  provider,
  registry,
  upstream,
  log,
}: Pick<Parts, 'config' | 'db' | 'provider' | 'registry' | 'upstream' | 'log'>): Middleware {
  const router = new Router()

  // Without a session the engine would show a form that a script or a click must submit. We redirect instead.
  router.get('end_session', '/session/end', async (ctx, next) => {
    // The citizen is signed out even if the portal is out of service; the portal's parameters are dropped.
    if (registry.isOutOfService(portalIn(ctx.query))) {
      const { ui_locales: locales } = ctx.query
      ctx.query = locales === undefined ? {} : { ui_locales: locales }
    }
    await next()
    const session = (ctx['oidc'] as { session?: Session } | undefined)?.session
    if (ctx.status !== 200 || session === undefined || session.accountId !== undefined) return
    const { postLogoutRedirectUri, state } = session.state as {
      postLogoutRedirectUri?: string
      state?: string
    }
    const to = new URL(postLogoutRedirectUri ?? `${config.issuer}/session/end/success`)
    if (postLogoutRedirectUri !== undefined && state !== undefined) to.searchParams.set('state', state)
    await session.destroy()
    ctx.remove('set-cookie')
    renameBrowser(ctx)
    ctx.status = 303
    ctx.redirect(to.href)
  })

  // VNeID redirects here after its own logout; we redirect on to the portal's `post_logout_redirect_uri`.
  router.get('signed-out', '/signed-out', async (ctx) => {
    const { state } = ctx.query
    const onward = typeof state !== 'string' ? undefined : await currentUnit().take(keyOf('SignedOut', state))
    ctx.status = 303
    ctx.redirect(typeof onward?.['to'] === 'string' ? onward['to'] : `${config.issuer}/session/end/success`)
  })

  // After the engine has ended our session, the browser goes to VNeID to end the session there, so that the next person at
  // this computer cannot use it.
  router.post('end_session_confirm', '/session/end/confirm', async (ctx, next) => {
    const before = await sessionOf(provider, ctx)
    await next()
    const ended =
      ctx.status === 303 &&
      before?.accountId !== undefined &&
      (ctx['oidc'] as { session?: { destroyed?: boolean } } | undefined)?.session?.destroyed
    if (!ended) return
    renameBrowser(ctx)
    await noteSessionEnd({ db, log }, ctx, before.accountId!, 'logout')
    const state = randomBytes(24).toString('base64url')
    const away = await upstream.end({ state, returnTo: `${config.issuer}/signed-out` })
    if (away === undefined) return
    currentUnit().put(keyOf('SignedOut', state), { to: ctx.response.get('location') }, 600)
    ctx.redirect(away)
    ctx.status = 303
  })

  return router.routes() as unknown as Middleware
}

/** `client_id` of the portal that requests the logout. Reads the audience of `id_token_hint` unchecked; the engine checks it. */
function portalIn({ client_id: id, id_token_hint: hint }: ParsedUrlQuery): string {
  try {
    return String(id || decodeJwt(String(hint)).aud)
  } catch {
    return ''
  }
}
