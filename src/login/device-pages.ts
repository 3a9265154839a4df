/**
 * The pages of the device flow (RFC 8628), on which a person enters the code that a terminal shows. Wrong codes are
 * counted by session. A code is one of 5·10¹¹ and expires after ten minutes.
 */
import type { Context, Middleware } from 'koa'
import type { KoaContextWithOIDC as EngineContext } from 'oidc-provider'
import { BrokerError, errorTable, type ErrorCode } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Parts } from '../parts.ts'
import { consoleId } from '../operators/console.ts'
import type { DevicePages } from '../oidc/provider.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import { deviceCodePage, deviceConfirmPage, deviceResultPage } from '../pages/device.ts'
import { errorPage } from '../pages/error.ts'
import { localeOf, nameBrowser } from './browser.ts'
import { otherLocale, sendPage } from './page.ts'

const path = '/device'
/** Wrong codes that one session may enter before it is refused, and how many seconds the count is kept. */
const maxWrongCodes = 5
const wrongCodesTtl = 600

/** Counts by the engine's session. An invented session holds no form secret, so the engine does not check a code sent with it. */
const countKey = (ctx: Context) => {
  const session = ctx.cookies.get(ctx.secure ? '__Host-session' : 'session', { signed: false })
  if (session === undefined || session === '') throw new BrokerError('interaction_gone')
  return keyOf('WrongUserCodes', session)
}
const wrongSoFar = async (key: string) => Number((await currentUnit().read(key))?.['wrong'] ?? 0)

/** The `user_code` parameter of the request. */
const userCodes = new WeakMap<Context, string>()

/** Runs before the engine, which would show its own page for a `user_code` in the URL and does not limit attempts. */
export const guardUserCodes: Middleware = async (ctx, next) => {
  // A browser that returns from VNeID continues within /callback, so no browser of ours requests this path.
  if (ctx.path.startsWith(`${path}/`) && ctx.path !== `${path}/auth`)
    throw new BrokerError('interaction_gone')
  if (ctx.path !== path) return next()
  if (ctx.method === 'POST' && (await wrongSoFar(countKey(ctx))) >= maxWrongCodes)
    throw new BrokerError('too_many_requests')
  if (ctx.method === 'GET') {
    const { user_code: code, ui_locales: locale } = ctx.query
    if (typeof code === 'string' && /^[\w-]{1,20}$/.test(code)) userCodes.set(ctx, code)
    ctx.querystring = typeof locale === 'string' ? new URLSearchParams({ ui_locales: locale }).toString() : ''
  }
  return next()
}

export function createDevicePages({ config, log }: Pick<Parts, 'config' | 'log'>): DevicePages {
  const frame = (ctx: EngineContext) => {
    const locale = localeOf(ctx, ctx.query['ui_locales'])
    const code = userCodes.get(ctx)
    const other = new URLSearchParams({
      ui_locales: otherLocale(locale),
      ...(code !== undefined && { user_code: code }),
    })
    return {
      locale,
      hotline: config.hotline,
      ...(ctx.method === 'GET' && ctx.path === path && { switchUrl: `${path}?${other.toString()}` }),
      formAction: `${path}?ui_locales=${locale}`,
    }
  }
  const secretOf = (ctx: EngineContext) => (ctx.oidc.session!.state as { secret: string }).secret

  /** Our error code, read back from the engine's error. `Resume.refuse` writes it into the description. */
  const refusalIn = (error: Error): ErrorCode | undefined => {
    const { cause = error } = error as { cause?: unknown }
    const [, code = ''] =
      /^(\w+) \(/.exec((cause as { error_description?: string }).error_description ?? '') ?? []
    return code in errorTable ? (code as ErrorCode) : undefined
  }

  const askForCode = (ctx: EngineContext) => {
    nameBrowser(ctx, consoleId)
    const view = { ...frame(ctx), xsrf: secretOf(ctx), code: userCodes.get(ctx) }
    sendPage(ctx, deviceCodePage(view), { form: true })
  }
  const showError = (ctx: EngineContext, code: ErrorCode) =>
    sendPage(ctx, errorPage({ ...frame(ctx), code, reference: referenceOf(ctx) }))
  const countWrong = async (ctx: EngineContext) => {
    const key = countKey(ctx)
    currentUnit().put(key, { wrong: (await wrongSoFar(key)) + 1 }, wrongCodesTtl)
  }

  return {
    async input(ctx, error) {
      if (error === undefined) return askForCode(ctx)
      // The engine has put a new form's secret into a session that it cannot save. We show no form, so the session need
      // not be saved.
      const session = ctx.oidc.session as { new?: boolean } | undefined
      if (session?.new === true) Object.assign(session, { touched: false })
      const refused = refusalIn(error)
      if (refused !== undefined) {
        ctx.status = errorTable[refused].status
        return showError(ctx, refused)
      }
      const why = reasons.get(error.name)
      if (why === undefined) {
        const code = codeOf(error)
        if ((error as { expose?: boolean }).expose) report(log, ctx, code, error)
        return showError(ctx, code)
      }
      if (why === 'wrong') await countWrong(ctx)
      // A form here would carry a secret that the engine has not saved, so the page links to a new form instead.
      return sendPage(ctx, deviceResultPage({ ...frame(ctx), what: why, againUrl: path }))
    },
    confirm(ctx, code) {
      sendPage(ctx, deviceConfirmPage({ ...frame(ctx), xsrf: secretOf(ctx), code }), { form: true })
    },
    done(ctx) {
      sendPage(ctx, deviceResultPage({ ...frame(ctx), what: 'done' }))
    },
  }
}

/** Name of the engine's error → what the page says. */
const reasons = new Map<string, 'wrong' | 'gone' | 'stopped'>([
  ['NotFoundError', 'wrong'],
  ['NoCodeError', 'wrong'],
  ['ExpiredError', 'gone'],
  ['AlreadyUsedError', 'gone'],
  ['AbortedError', 'stopped'],
])
