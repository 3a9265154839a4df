/**
 * The pages of the device flow (RFC 8628): a person brings the code that a terminal shows. Wrong codes are counted by
 * session; a code is one of 5·10¹¹ and lives ten minutes.
 */
import type { Context, Middleware } from 'koa'
import type { KoaContextWithOIDC as EngineContext } from 'oidc-provider'
import { BrokerError, errorTable, type ErrorCode } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import type { Parts } from '../parts.ts'
import { consoleId } from '../operators/console.ts'
import type { DevicePages } from '../oidc/provider.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import { deviceCodePage, deviceConfirmPage, deviceTellPage } from '../pages/device.ts'
import { errorPage } from '../pages/error.ts'
import { localeOf, nameBrowser } from './browser.ts'
import { otherThan, sendPage } from './page.ts'

const path = '/device'
/** Wrong codes that one browser may bring, and for how many seconds they are remembered. */
const mostWrong = 5
const memory = 600

/** By the engine's session: an invented one holds no secret of a form, so the engine looks at no code that comes with it. */
const countKey = (ctx: Context) => {
  const session = ctx.cookies.get(ctx.secure ? '__Host-session' : 'session', { signed: false })
  if (session === undefined || session === '') throw new BrokerError('interaction_gone')
  return keyOf('WrongUserCodes', session)
}
const wrongSoFar = async (key: string) => Number((await currentUnit().read(key))?.['wrong'] ?? 0)

/** The code that stood in the address. */
const userCodes = new WeakMap<Context, string>()

/** Before the engine, which would show a page of its own for a code in the address, and does not limit attempts. */
export const guardUserCodes: Middleware = async (ctx, next) => {
  // A browser that comes back from VNeID goes on within the callback, never by this address.
  if (ctx.path.startsWith(`${path}/`) && ctx.path !== `${path}/auth`)
    throw new BrokerError('interaction_gone')
  if (ctx.path !== path) return next()
  if (ctx.method === 'POST' && (await wrongSoFar(countKey(ctx))) >= mostWrong)
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
      ui_locales: otherThan(locale),
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

  /** What the engine makes of a refusal of ours; see `Resume.refuse`. */
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
    currentUnit().put(key, { wrong: (await wrongSoFar(key)) + 1 }, memory)
  }

  return {
    async input(ctx, error) {
      if (error === undefined) return askForCode(ctx)
      // The engine has put the secret of a new form into a session that it cannot save: no form is shown here.
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
      // A form would carry a secret that the engine has not saved: another attempt begins with a new page.
      return sendPage(ctx, deviceTellPage({ ...frame(ctx), what: why, againUrl: path }))
    },
    confirm(ctx, code) {
      sendPage(ctx, deviceConfirmPage({ ...frame(ctx), xsrf: secretOf(ctx), code }), { form: true })
    },
    done(ctx) {
      sendPage(ctx, deviceTellPage({ ...frame(ctx), what: 'done' }))
    },
  }
}

/** By the names of the engine's errors. */
const reasons = new Map<string, 'wrong' | 'gone' | 'stopped'>([
  ['NotFoundError', 'wrong'],
  ['NoCodeError', 'wrong'],
  ['ExpiredError', 'gone'],
  ['AlreadyUsedError', 'gone'],
  ['AbortedError', 'stopped'],
])
