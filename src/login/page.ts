/** What our pages have in common: how they leave, their language, and the way to the same page in the other one. */
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

export const otherThan = (locale: Locale): Locale => (locale === 'vi' ? 'en' : 'vi')

/** Of a page that a pending login waits at, under an address of its own. */
export function loginFrame(
  ctx: Context,
  { config }: Pick<Parts, 'config'>,
  { interaction, client }: Pick<PendingLogin, 'interaction' | 'client'>,
) {
  const locale = localeOf(ctx, interaction.params['ui_locales'])
  return {
    locale,
    hotline: config.hotline,
    switchUrl: `${ctx.path}?ui_locales=${otherThan(locale)}`,
    portalName: client.clientName ?? client.clientId,
  }
}

/** The language chosen on a page goes on with its buttons. */
export const wishOf = (ctx: Context): string =>
  'ui_locales' in ctx.query ? `?ui_locales=${localeOf(ctx)}` : ''
