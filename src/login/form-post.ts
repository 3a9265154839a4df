/**
 * An answer by form (OAuth Form Post Response Mode): the engine's page submits itself by a script whose hash stands in its
 * headers. Where scripts are off, the citizen reads the page, so we put it into their language and leave the script alone.
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
