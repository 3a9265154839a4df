import { type ErrorCode, isForCitizens } from '../errors.ts'
import { html } from './html.ts'
import { actions, layout } from './layout.ts'
import type { Frame, Way } from './layout.ts'
import { sentences } from './locale.ts'

interface ErrorView extends Frame, Way {
  readonly code: ErrorCode
  /** The trace id: what finds the log line. */
  readonly reference: string
}

/** What happened, what to do next, and what to read out to the hotline. */
export function errorPage(view: ErrorView): string {
  const { errors, error: t } = sentences[view.locale]
  const { title, text } = errors[isForCitizens(view.code) ? view.code : 'request_invalid']
  const body = html`<p>${text}</p>
<div class="box">
<p class="quiet">${t.quote}</p>
<dl><dt>${t.code}</dt><dd>${view.code}</dd><dt>${t.reference}</dt><dd>${view.reference}</dd></dl>
</div>
${actions(view)}`
  return layout({ ...view, title, body })
}
