import { html } from './html.ts'
import { layout, portalBlock } from './layout.ts'
import type { Frame } from './layout.ts'
import { sentences } from './locale.ts'

interface Notice extends Frame {
  readonly portalName: string
  /** Scopes that the portal will receive. A scope without a sentence is shown by its name. */
  readonly scopes: readonly string[]
  readonly startUrl: string
  readonly cancelUrl: string
}

/** Shown before the trip to VNeID: the portal's name, what it will receive, and the sign-in button. */
export function noticePage(notice: Notice): string {
  const { notice: t } = sentences[notice.locale]
  const words = new Map<string, string>(Object.entries(t.scopes))
  const body = html`${portalBlock(t.portal, notice.portalName)}
<p>${t.next}</p>
<section class="box">
<h2>${t.shared}</h2>
<ul>${notice.scopes.map((scope) => html`<li>${words.get(scope) ?? scope}</li>`)}</ul>
</section>
<p class="quiet">${t.password}</p>
<div class="actions">
<a class="button" href="${notice.startUrl}">${t.start}</a>
<a class="button plain" href="${notice.cancelUrl}">${t.cancel}</a>
</div>`
  return layout({ ...notice, title: t.title, body })
}
