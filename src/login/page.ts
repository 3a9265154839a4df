/** What our pages share: headers, language, and the link to the same page in the other language. */
import type { Context } from 'koa'
import type { Parts } from '../parts.ts'
import { pageHeaders } from '../pages/csp.ts'
import type { Locale } from '../pages/locale.ts'
import { localeOf } from './browser.ts'
import type { PendingLogin } from './trip.ts'

export function sendPage(ctx: Context, markup: string, page?: { form?: boolean }): void {
  ctx.set(pageHeaders(page))
  ctx.body = markup
}

/** Parameter of the page after a logout of which the portals may not know, because a store did not answer. */
export const portalsUnreached = 'portals_unreached'

export const otherLocale = (locale: Locale): Locale => (locale === 'vi' ? 'en' : 'vi')

/** The layout's fields for a page of a pending login, which has its own URL. */
export function loginFrame(
  ctx: Context,
  { config }: Pick<Parts, 'config'>,
  { interaction, client }: Pick<PendingLogin, 'interaction' | 'client'>,
) {
  const locale = localeOf(ctx, interaction.params['ui_locales'])
  return {
    locale,
    hotline: config.hotline,
    switchUrl: `${ctx.path}?ui_locales=${otherLocale(locale)}`,
    portalName: client.clientName ?? client.clientId,
  }
}

/** Query string for a page's buttons and forms, so that the next page keeps the language chosen on this one. */
export const localeQuery = (ctx: Context): string =>
  'ui_locales' in ctx.query ? `?ui_locales=${localeOf(ctx)}` : ''
