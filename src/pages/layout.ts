import { html, raw, webAddress } from './html.ts'
import type { Html } from './html.ts'
import { sentences } from './locale.ts'
import type { Locale } from './locale.ts'
import { style } from './style.ts'

/** Fields of every page. */
export interface Frame {
  readonly locale: Locale
  /** Telephone number as people write it, such as `1900.0368`. */
  readonly hotline: string
  /** URL of this page in the other language; absent if a GET cannot show the page again, as after a POST. */
  readonly switchUrl?: string | undefined
}

/** Link back to the portal, if there is one. */
export interface Way {
  readonly returnUrl?: string | undefined
  readonly portalName?: string | undefined
}

const shield = 'M16 2 4 6.5V15c0 7.2 5 12.9 12 15 7-2.1 12-7.8 12-15V6.5z'
const tick = 'm10.5 16 4 4 7.5-8'
const icon =
  `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>` +
  `<path d='${shield}' fill='%23a3191e'/>` +
  `<path d='${tick}' fill='none' stroke='%23fff' stroke-width='2.5'/></svg>`

/** The whole document. It has no script and loads nothing, not even a favicon. */
export function layout({
  locale,
  hotline,
  switchUrl,
  title,
  body,
}: Frame & { title: string; body: Html }): string {
  const { frame } = sentences[locale]
  const other = locale === 'vi' ? 'en' : 'vi'
  const address = webAddress(switchUrl)
  const toOther =
    address &&
    html`<a class="switch" href="${address}" lang="${other}" hreflang="${other}">${frame.switch}</a>`
  return html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="format-detection" content="telephone=no">
<title>${title} – ${frame.name}</title>
<link rel="icon" href="${icon}">
<style>${raw(style)}</style>
</head>
<body>
<header><div>
<span class="name">
<svg viewBox="0 0 32 32" aria-hidden="true"><path d="${shield}"/><path d="${tick}"/></svg>${frame.name}
</span>
${toOther}
</div></header>
<main><article>
<h1>${title}</h1>
${body}
</article></main>
<footer><p>${frame.help}
<a class="call" href="tel:${hotline.replaceAll(/[^\d+]/g, '')}">${frame.hotline} ${hotline}</a>
</p></footer>
</body>
</html>
`.toString()
}

/** The portal's name in `bdi`, so that its characters cannot reorder the text around it. */
export function portalBlock(lead: string, portalName: string): Html {
  return html`<p class="portal"><span>${lead}</span> <bdi>${portalName}</bdi></p>`
}

/** A page's buttons: its own, if any, then the link to the portal if a safe URL is known. */
export function actions(view: Frame & Way, own?: Html): Html | undefined {
  const { back } = sentences[view.locale]
  const address = webAddress(view.returnUrl)
  if (!own && !address) return undefined
  const label = view.portalName === undefined ? back.home : back.portal(view.portalName)
  const kind = own ? 'button plain' : 'button'
  const way = address && html`<a class="${kind}" href="${address}">${label}</a>`
  return html`<div class="actions">${own}${way}</div>`
}
