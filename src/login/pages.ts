/** The pages that the engine and the boundary render: errors and logout. They decide nothing about a login. */
import type { Context } from 'koa'
import type { KoaContextWithOIDC as EngineContext } from 'oidc-provider'
import { errorTable } from '../errors.ts'
import { type Failure, codeOf, referenceOf, report } from '../http/boundary.ts'
import type { CitizenPages } from '../oidc/provider.ts'
import { errorPage } from '../pages/error.ts'
import type { Locale } from '../pages/locale.ts'
import { leftPortalPage, loggedOutPage, notLoggedOutPage } from '../pages/logged-out.ts'
import { logoutPage } from '../pages/logout.ts'
import { sessionOf } from '../oidc/logout.ts'
import type { Parts } from '../parts.ts'
import { keepNewName, localeOf, nameBrowser, readBrowser } from './browser.ts'
import { hadWrongWish } from './logout-wish.ts'
import { lostTripOf } from './lost-trip.ts'
import { otherLocale, portalsUnreached, sendPage } from './page.ts'

export interface Pages extends CitizenPages {
  /** The page for a failure that no route answered. */
  renderFailure(ctx: Context, failure: Failure): Promise<void>
}

export function createPages({ config, registry, log }: Pick<Parts, 'config' | 'registry' | 'log'>): Pages {
  /** URL of this page in the other language; undefined where a second GET has an effect or lacks what was posted. */
  const switchUrl = (ctx: Context, locale: Locale) => {
    const { pathname, searchParams } = URL.parse(ctx.originalUrl, config.issuer) ?? {}
    if (ctx.method !== 'GET' || searchParams === undefined || searchParams.has('posted')) return undefined
    searchParams.set('ui_locales', otherLocale(locale))
    return `${pathname}?${searchParams.toString()}`
  }
  const frame = (ctx: Context, uiLocales?: unknown) => {
    const locale = localeOf(ctx, uiLocales)
    return { locale, hotline: config.hotline, switchUrl: switchUrl(ctx, locale) }
  }
  const logoutUrl = `${config.issuer}/session/end`
  const requestedLocales = (ctx: EngineContext) => ctx.oidc.params?.['ui_locales'] ?? ctx.query['ui_locales']
  /** Link to the portal that the request names, or else to the one that this browser last came from. */
  const portalLink = async (ctx: Context, clientId?: string) => {
    const named = [clientId, lostTripOf(ctx).clientId, ctx.query['client_id'], readBrowser(ctx)?.clientId]
    const clients = await Promise.all(named.map((id) => registry.find(typeof id === 'string' ? id : '')))
    const client = clients.find((found) => found !== undefined)
    return (
      client && {
        returnUrl: client.client_uri ?? originOf(client.redirect_uris?.[0]),
        portalName: client.client_name,
      }
    )
  }
  const portalAsked = async (ctx: Context) => {
    const asked = readBrowser(ctx)?.clientId ?? String(ctx.query['client_id'])
    return (await registry.find(asked)) === undefined ? '-' : asked
  }
  const showFailure = async (ctx: Context, failure: Failure, engine?: EngineContext) => {
    const link = await portalLink(ctx, engine?.oidc.client?.clientId)
    const retryUrl = ctx.method === 'GET' && passes.has(ctx.status) ? ctx.originalUrl : undefined
    const { isElsewhere, continueUrl } = lostTripOf(ctx)
    const view = { ...frame(ctx, engine && requestedLocales(engine)), ...link, ...failure }
    sendPage(ctx, errorPage({ ...view, retryUrl, isElsewhere, continueUrl }))
  }

  return {
    renderError: async (ctx, _out, error) => {
      const asked = ctx.oidc.params?.['client_id'] ?? ctx.query['client_id']
      const isOut =
        ctx.oidc.client === undefined && typeof asked === 'string' && registry.isOutOfService(asked)
      const code = isOut ? 'portal_not_in_service' : codeOf(error)
      if (isOut) ctx.status = errorTable[code].status
      // `http/engine-events.ts` has reported a server error already; other errors (`expose`) are reported here.
      if ((error as { expose?: boolean }).expose) report(log, ctx, code, error)
      // A form of a logout question that a newer one has replaced. The person is still signed in.
      if (ctx.oidc.route === 'end_session_confirm' && ctx.status === 400)
        return sendPage(ctx, notLoggedOutPage({ ...frame(ctx), ...(await portalLink(ctx)), logoutUrl }))
      return showFailure(ctx, { code, reference: referenceOf(ctx) }, ctx)
    },

    async renderFailure(ctx, failure) {
      keepNewName(ctx)
      ctx.status = errorTable[failure.code].status
      if (ctx.accepts('json', 'html') === 'json')
        ctx.body = { error: failure.code, reference: failure.reference }
      else {
        // A browser that must wait gets a name, so that its retry counts as a known browser. A form posted from another
        // site arrives without our SameSite=Lax cookie, so a POST may hide an existing name: we do not replace it.
        if (failure.code === 'too_many_requests' && ctx.method === 'GET')
          nameBrowser(ctx, await portalAsked(ctx))
        await showFailure(ctx, failure)
      }
    },

    logoutPage(ctx) {
      const { secret } = ctx.oidc.session!.state as { secret: string }
      const view = {
        ...frame(ctx, requestedLocales(ctx)),
        formAction: ctx.oidc.urlFor('end_session_confirm'),
        xsrf: secret,
        portalName: ctx.oidc.client?.clientName,
        isWrongRequest: hadWrongWish(ctx),
      }
      sendPage(ctx, logoutPage(view), { form: true })
    },

    async loggedOutPage(ctx) {
      const { client } = ctx.oidc
      const view = { ...frame(ctx, requestedLocales(ctx)), ...(await portalLink(ctx, client?.clientId)) }
      const isUnreached = portalsUnreached in ctx.query
      if ((await sessionOf(ctx.oidc.provider, ctx)) === undefined)
        return sendPage(ctx, loggedOutPage({ ...view, isUnreached }))
      // The engine sets a client here only when the citizen signed out of that portal alone.
      const markup = client?.clientName
        ? leftPortalPage({ ...view, portalName: client.clientName, logoutUrl })
        : notLoggedOutPage({ ...view, logoutUrl })
      return sendPage(ctx, markup)
    },
  }
}

/** Statuses of failures that pass by themselves. */
const passes = new Set([429, 503])
const originOf = (uri: string | undefined) => (uri === undefined ? undefined : URL.parse(uri)?.origin)
