import { type ErrorCode, isForCitizens } from '../errors.ts'
import { html, webAddress } from './html.ts'
import { actions, layout } from './layout.ts'
import type { Frame, Way } from './layout.ts'
import { sentences } from './locale.ts'

interface ErrorView extends Frame, Way {
  readonly code: ErrorCode
  /** The request's reference, by which operators find its log lines. */
  readonly reference: string
  /** URL of the same request, if the citizen only has to wait and try again. */
  readonly retryUrl?: string | undefined
  /** True if the sign-in belongs to another browser, or if this one does not send our cookie. */
  readonly isElsewhere?: boolean | undefined
  /** URL at which an interrupted sign-in goes on with the same request. */
  readonly continueUrl?: string | undefined
}

/** Shows what happened, what to do next, and the codes to read out to the hotline. */
export function errorPage(view: ErrorView): string {
  const { errors, error: t } = sentences[view.locale]
  const onward = webAddress(view.continueUrl)
  const again = onward ?? webAddress(view.retryUrl)
  const { title, text } =
    onward !== undefined
      ? t.interrupted
      : view.isElsewhere === true
        ? t.elsewhere
        : errors[isForCitizens(view.code) ? view.code : 'request_invalid']
  const body = html`<p>${text}</p>
<div class="box">
<p class="quiet">${t.quote}</p>
<dl><dt>${t.code}</dt><dd>${view.code}</dd><dt>${t.reference}</dt><dd>${view.reference}</dd></dl>
</div>
${actions(view, again === undefined ? undefined : html`<a class="button" href="${again}">${onward === undefined ? t.again : t.goOn}</a>`)}`
  return layout({ ...view, title, body })
}
