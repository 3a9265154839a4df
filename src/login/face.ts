/** What the engine asks of the citizen's side: where to go now, and the pages it shows. */
import type { Context } from 'koa'
import type { Client, KoaContextWithOIDC as EngineContext } from 'oidc-provider'
import type { Config } from '../config/config.ts'
import { BrokerError, errorTable } from '../errors.ts'
import { type Failure, codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Log } from '../telemetry/log.ts'
import { trips } from '../telemetry/metrics.ts'
import { policyOf } from '../registry/clients.ts'
import { toEngineError } from '../oidc/engine-error.ts'
import { freshness, refusalAfterLogin, requirementOf } from '../oidc/policy.ts'
import type { CitizenFace } from '../oidc/provider.ts'
import type { Registry } from '../registry/registry.ts'
import { pageHeaders } from '../pages/csp.ts'
import { errorPage } from '../pages/error.ts'
import { leftPortalPage, loggedOutPage } from '../pages/logged-out.ts'
import { logoutPage } from '../pages/logout.ts'
import type { Db } from '../store/db.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { localeOf, nameBrowser, readBrowser } from './browser.ts'
import { recordRefusal } from './record.ts'
import type { SignIn } from './sign-in.ts'
import type { Transactions } from './transaction.ts'

export interface Face extends CitizenFace {
  /** The page for a failure that nobody else answered. */
  renderFailure(ctx: Context, failure: Failure): Promise<void>
  /** The way to VNeID for one interaction. */
  leave(ctx: Context, interaction: Pending, client: Client): Promise<string>
}

/** The parts of the engine's interaction that a trip needs. */
export interface Pending {
  readonly uid: string
  readonly iat: number
  readonly params: Readonly<Record<string, unknown>>
  readonly prompt: { readonly reasons: readonly string[] }
}

export function createFace({
  config,
  db,
  upstream,
  transactions,
  signIn,
  registry,
  log,
}: {
  config: Config
  db: Db
  upstream: Upstream
  transactions: Transactions
  signIn: SignIn
  registry: Registry
  log: Log
}): Face {
  const send = (ctx: Context, markup: string, page?: { form?: boolean }) => {
    ctx.set(pageHeaders(page))
    ctx.body = markup
  }
  /** This page in the other language, where asking for it again is harmless and shows nothing that was posted. */
  const switchUrl = (ctx: Context, locale: 'vi' | 'en') => {
    const { pathname, searchParams } = URL.parse(ctx.originalUrl, config.issuer) ?? {}
    if (ctx.method !== 'GET' || searchParams === undefined || searchParams.has('posted')) return undefined
    searchParams.set('ui_locales', locale === 'vi' ? 'en' : 'vi')
    return `${pathname}?${searchParams.toString()}`
  }
  const frame = (ctx: Context, uiLocales?: unknown) => {
    const locale = localeOf(ctx, uiLocales)
    return { locale, hotline: config.hotline, switchUrl: switchUrl(ctx, locale) }
  }
  const wishOf = (ctx: EngineContext) => ctx.oidc.params?.['ui_locales'] ?? ctx.query['ui_locales']
  /** The portal this browser last came from: a dead end always shows the way back. */
  const wayBack = async (ctx: Context, clientId = readBrowser(ctx)?.clientId) => {
    const client = await registry.find(clientId ?? '')
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
    const way = await wayBack(ctx, engine?.oidc.client?.clientId)
    const retryUrl =
      failure.code === 'too_many_requests' && ctx.method === 'GET' ? ctx.originalUrl : undefined
    send(ctx, errorPage({ ...frame(ctx, engine && wishOf(engine)), ...way, ...failure, retryUrl }))
  }

  const face: Face = {
    async leave(ctx, { uid, iat, params, prompt }, client) {
      const { level } = requirementOf(client, params)
      const maxAge = freshness(client, params, prompt.reasons)
      trips.inc({ step: 'begun' })
      return upstream.begin(
        {
          ...transactions.begin(uid, nameBrowser(ctx, client.clientId)),
          begunAt: iat,
          ...(maxAge === undefined ? {} : { maxAge }),
        },
        { locale: localeOf(ctx, params['ui_locales']), ...(level === 'unknown' ? {} : { level }) },
      )
    },

    async interactionUrl(ctx, interaction) {
      const client = ctx.oidc.client!
      if (interaction.lastSubmission?.login !== undefined) throw refusalAfterLogin(interaction.prompt.reasons)
      try {
        if (requirementOf(client, interaction.params).level === 'unknown')
          throw new BrokerError('level_unmet')
        if (policyOf(client).notice) {
          const { state } = transactions.begin(interaction.uid, nameBrowser(ctx, client.clientId))
          return `${config.issuer}/interaction/${state}`
        }
        return await face.leave(ctx, interaction, client)
      } catch (error) {
        await recordRefusal({ db, log }, ctx, client.clientId, error)
        throw toEngineError(error)
      }
    },

    async admitAgain(identity, requirement, ctx) {
      try {
        const { subjectId, links } = await signIn(identity, {
          requirement,
          reference: referenceOf(ctx),
          sso: true,
        })
        if (subjectId !== ctx.oidc.session?.accountId) throw new BrokerError('identifier_cancelled')
        return links
      } catch (error) {
        await recordRefusal({ db, log }, ctx, requirement.clientId, error)
        throw toEngineError(error)
      }
    },

    renderError: async (ctx, _out, error) => {
      const asked = ctx.oidc.params?.['client_id'] ?? ctx.query['client_id']
      const isOut =
        ctx.oidc.client === undefined && typeof asked === 'string' && registry.isOutOfService(asked)
      const code = isOut ? 'portal_not_in_service' : codeOf(error)
      if (isOut) ctx.status = errorTable[code].status
      // A fault has been reported by the engine's event; what it refuses on a page carries our code as well.
      if ((error as { expose?: boolean }).expose) report(log, ctx, code, error)
      await showFailure(ctx, { code, reference: referenceOf(ctx) }, ctx)
    },

    async renderFailure(ctx, failure) {
      ctx.status = errorTable[failure.code].status
      if (ctx.accepts('json', 'html') === 'json')
        ctx.body = { error: failure.code, reference: failure.reference }
      else {
        // Who has to wait comes back as somebody we know. A form of another site's page hides the name that there is.
        if (failure.code === 'too_many_requests' && ctx.method === 'GET')
          nameBrowser(ctx, await portalAsked(ctx))
        await showFailure(ctx, failure)
      }
    },

    logoutPage(ctx) {
      const { secret } = ctx.oidc.session!.state as { secret: string }
      send(
        ctx,
        logoutPage({
          ...frame(ctx, wishOf(ctx)),
          formAction: ctx.oidc.urlFor('end_session_confirm'),
          xsrf: secret,
          portalName: ctx.oidc.client?.clientName,
        }),
        { form: true },
      )
    },

    async loggedOutPage(ctx) {
      const { client } = ctx.oidc
      const view = { ...frame(ctx, wishOf(ctx)), ...(await wayBack(ctx, client?.clientId)) }
      // The engine names a client here only when that portal alone was left.
      const markup = client?.clientName
        ? leftPortalPage({
            ...view,
            portalName: client.clientName,
            logoutUrl: `${config.issuer}/session/end`,
          })
        : loggedOutPage(view)
      send(ctx, markup)
    },
  }
  return face
}

const originOf = (uri: string | undefined) => (uri === undefined ? undefined : URL.parse(uri)?.origin)
