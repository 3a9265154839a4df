import { html } from './html.ts'
import { layout } from './layout.ts'
import type { Frame } from './layout.ts'
import { sentences } from './locale.ts'

interface DeviceForm extends Frame {
  readonly formAction: string
  readonly xsrf: string
}

/** Asks the operator for the code that the terminal shows. */
export function deviceCodePage(view: DeviceForm & { readonly code?: string | undefined }): string {
  const { device: t } = sentences[view.locale]
  const body = html`<p>${t.text}</p>
<p class="quiet">${t.strangers}</p>
<form method="post" action="${view.formAction}">
<input type="hidden" name="xsrf" value="${view.xsrf}">
<label for="code">${t.code}</label>
<input class="code" id="code" name="user_code" value="${view.code ?? ''}" required maxlength="20" autocomplete="off"
  autocapitalize="characters">
<div class="actions"><button class="button">${t.next}</button></div>
</form>`
  return layout({ ...view, title: t.title, body })
}

/** Asks the operator to confirm that a terminal may act in their name (RFC 8628 §3.3, §5.4). */
export function deviceConfirmPage(view: DeviceForm & { readonly code: string }): string {
  const { device: t } = sentences[view.locale]
  const body = html`<p class="portal"><span>${t.lead}</span> <b>${t.what}</b></p>
<p>${t.compare}</p>
<div class="box"><dl><dt>${t.code}</dt><dd class="code">${view.code}</dd></dl></div>
<p><strong>${t.warning}</strong></p>
<p class="quiet">${t.vneid}</p>
<form method="post" action="${view.formAction}">
<input type="hidden" name="xsrf" value="${view.xsrf}">
<input type="hidden" name="user_code" value="${view.code}">
<div class="actions">
<button class="button" name="confirm" value="yes">${t.confirm}</button>
<button class="button plain" name="abort" value="yes">${t.abort}</button>
</div>
</form>`
  return layout({ ...view, title: t.confirmTitle, body })
}

interface DeviceResultView extends Frame {
  readonly what: 'done' | 'wrong' | 'gone' | 'stopped'
  readonly againUrl?: string
}

/** Shows the result. */
export function deviceResultPage(view: DeviceResultView): string {
  const { deviceResult } = sentences[view.locale]
  const { title, text } = deviceResult[view.what]
  const again =
    view.againUrl !== undefined &&
    html`<div class="actions"><a class="button" href="${view.againUrl}">${deviceResult.again}</a></div>`
  return layout({ ...view, title, body: html`<p>${text}</p>${again}` })
}
