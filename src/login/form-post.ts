/**
 * `response_mode=form_post` (OAuth 2.0 Form Post Response Mode). The engine's page submits itself by a script, whose hash
 * is in the Content-Security-Policy header. A citizen whose browser runs no scripts reads the page, so we translate its
 * text and leave the script unchanged.
 */
import type { Middleware } from 'koa'
import { sentences } from '../pages/locale.ts'
import { localeOf } from './browser.ts'

const title = '<title>Submitting Callback</title>'
const noscript = /<noscript>[^]*?<\/noscript>/

export const speakFormPost: Middleware = async (ctx, next) => {
  await next()
  if (ctx.type !== 'text/html' || typeof ctx.body !== 'string' || !ctx.body.includes(title)) return
  const { oidc } = ctx as { oidc?: { params?: Record<string, unknown> } }
  const locale = localeOf(ctx, oidc?.params?.['ui_locales'])
  const { formPost: t } = sentences[locale]
  ctx.body = ctx.body
    .replace('<html>', `<html lang="${locale}">`)
    .replace(title, `<title>${t.title}</title>`)
    .replace(
      noscript,
      `<noscript><h1>${t.title}</h1><p>${t.text}</p><button autofocus type="submit">${t.button}</button></noscript>`,
    )
}
