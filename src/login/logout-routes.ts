/**
 * Logout, around the engine's own endpoints. It also ends the session at VNeID, and it goes on in spite of faults: a person
 * who leaves a shared computer must not stay signed in because a portal's request is wrong or a store does not answer.
 */
import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import type { Context, Middleware, Next } from 'koa'
import type { Session } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import { readForm } from '../http/posted-form.ts'
import { browserSession, forgetSession, sessionOf } from '../oidc/logout.ts'
import { currentUnit } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { renameBrowser } from './browser.ts'
import { dropUnusableWish } from './logout-wish.ts'
import { portalsUnreached } from './page.ts'
import { noteSessionEnd } from './session.ts'
import { keepWayHome, takeWayHome } from './way-home.ts'

export function createLogoutRoutes({
  config,
  db,
  provider,
  registry,
  upstream,
  log,
}: Pick<Parts, 'config' | 'db' | 'provider' | 'registry' | 'upstream' | 'log'>): Middleware {
  const router = new Router()
  const done = `${config.issuer}/session/end/success`
  const unreached = `${done}?${portalsUnreached}=1`

  /** Runs a step of a logout and stores its result. If that fails, the browser is signed out all the same. */
  const inSpiteOfFaults =
    (step: (ctx: Context, next: Next) => Promise<void>): Middleware =>
    async (ctx, next) => {
      try {
        await step(ctx, next)
        await currentUnit().commit()
      } catch (error) {
        const code = codeOf(error)
        // No browser of ours sends such a form.
        if (code === 'request_invalid') throw error
        report(log, ctx, code, error)
        await signOutHere(ctx)
      }
    }

  /**
   * Signs out without the state store. The session stays there until it expires, but only this browser's cookie opens it.
   * No question is asked: the secret that protects its form is in the store, too.
   */
  async function signOutHere(ctx: Context): Promise<void> {
    currentUnit().abandon()
    ctx.remove('set-cookie')
    const hadSession = forgetSession(provider, ctx)
    await leave(ctx, hadSession ? unreached : done)
  }

  /** The browser goes to VNeID to end the session there, so that the next person at this computer cannot use it. */
  async function leave(ctx: Context, home: string): Promise<void> {
    renameBrowser(ctx)
    const state = randomBytes(24).toString('base64url')
    const away = await upstream.end({ state, returnTo: `${config.issuer}/signed-out` })
    if (away !== undefined) keepWayHome(ctx, state, home)
    redirect(ctx, away ?? home)
  }

  router.get(
    'end_session',
    '/session/end',
    inSpiteOfFaults(async (ctx, next) => {
      const session = await sessionOf(provider, ctx)
      await dropUnusableWish({ log, provider, registry }, ctx)
      await next()
      if (ctx.status >= 500) return signOutHere(ctx)
      if (session !== undefined || ctx.status !== 200) return undefined
      // Without a session the engine shows a form that a script or a click must submit. We redirect instead.
      const fresh = engineSession(ctx)!
      const { postLogoutRedirectUri, state } = fresh.state as {
        postLogoutRedirectUri?: string
        state?: string
      }
      const to = new URL(postLogoutRedirectUri ?? done)
      if (postLogoutRedirectUri !== undefined && state !== undefined) to.searchParams.set('state', state)
      await fresh.destroy()
      ctx.remove('set-cookie')
      forgetSession(provider, ctx)
      return leave(ctx, to.href)
    }),
  )

  // VNeID redirects here after its own logout; we redirect on to the portal's `post_logout_redirect_uri`.
  router.get('signed-out', '/signed-out', (ctx) =>
    redirect(ctx, takeWayHome(ctx, ctx.query['state']) ?? done),
  )

  router.post(
    'end_session_confirm',
    '/session/end/confirm',
    inSpiteOfFaults(async (ctx, next) => {
      const before = await browserSession(provider, ctx)
      const { accountId } = before
      if (accountId === undefined) {
        // The question was answered before, or the session has ended since.
        const form = await readForm(ctx).catch(() => '')
        if (!new URLSearchParams(form).get('xsrf'))
          throw new BrokerError('request_invalid', 'not the form of a logout question')
        await before.destroy()
        forgetSession(provider, ctx)
        return leave(ctx, done)
      }
      await next()
      if (ctx.status >= 500) return signOutHere(ctx)
      if (ctx.status !== 303) return undefined
      await currentUnit().commit()
      if (engineSession(ctx)?.destroyed !== true) return undefined
      await leave(ctx, ctx.response.get('location'))
      return noteSessionEnd({ db, log }, ctx, accountId, 'logout').catch((error: unknown) =>
        // Not thrown: the session has ended, and the person still has to leave VNeID.
        log.error({
          event: 'session.end_not_audited',
          subject: accountId,
          reference: referenceOf(ctx),
          err: error,
        }),
      )
    }),
  )

  return router.routes() as unknown as Middleware
}

const engineSession = (ctx: Context) =>
  (ctx['oidc'] as { session?: Session & { destroyed?: boolean } } | undefined)?.session

function redirect(ctx: Context, to: string): void {
  ctx.status = 303
  ctx.redirect(to)
}
