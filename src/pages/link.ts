import { type Html, html } from './html.ts'
import { layout, portalBlock } from './layout.ts'
import type { Frame } from './layout.ts'
import { type Locale, sentences } from './locale.ts'

interface LinkView extends Frame {
  readonly portalName: string
  /** The account's id at the portal, unchanged. */
  readonly account: string
  /** Name of the portal that owned the account, if it was merged into the requesting portal. */
  readonly accountPortal?: string
  readonly formAction: string
}

interface LinkQuestion extends LinkView {
  readonly name: string | undefined
  /** The last three characters of the number. */
  readonly numberEnd: string
  /** `YYYY-MM-DD`, shown in the time before the account is locked. */
  readonly lockedFrom?: string | undefined
}

/** Asks whether the account is the citizen's. Nothing is linked unless the citizen agrees. */
export function linkPage(question: LinkQuestion): string {
  const { link: t } = sentences[question.locale]
  const { name, numberEnd, lockedFrom } = question
  const body = html`${portalBlock(t.portal, question.portalName)}
<p>${t.text}</p>
<div class="box"><dl>
${accountRow(question)}
<dt>${t.person}</dt><dd class="words">${name !== undefined && html`<bdi>${name}</bdi>, `}${t.ending(numberEnd)}</dd>
</dl></div>
<p>${t.after} ${t.undo}</p>
${lockedFrom !== undefined && html`<p>${t.until(dayIn(question.locale, lockedFrom))}</p>`}
<p class="quiet">${t.without}</p>
<form method="post" action="${question.formAction}">
<div class="actions">
<button class="button" name="choice" value="link">${t.link}</button>
<button class="button plain" name="choice" value="skip">${t.skip}</button>
</div>
</form>`
  return layout({ ...question, title: t.title, body })
}

interface LinkResultView extends LinkView {
  /** True if the link was refused; false if a case waits for an operator. */
  readonly isRefused: boolean
  readonly reason: string | undefined
  /** Reference of the request that opened the case, by which operators find it. */
  readonly reference: string
}

/** Shows the result when the citizen is not asked, and what happens next. */
export function linkResultPage(view: LinkResultView): string {
  const { linkResult: t, error } = sentences[view.locale]
  const { title, next, reasons } = view.isRefused ? t.refused : t.inReview
  const why = new Map<string, string>(Object.entries(reasons)).get(view.reason ?? '')
  const body = html`${portalBlock(t.portal, view.portalName)}
<p>${why ?? t.otherwise}</p>
<p>${next} ${t.signedIn}</p>
<div class="box"><dl>
${accountRow(view)}
<dt>${error.reference}</dt><dd>${view.reference}</dd>
</dl></div>
<form method="post" action="${view.formAction}">
<div class="actions"><button class="button">${t.next}</button></div>
</form>`
  return layout({ ...view, title, body })
}

function accountRow({ locale, account, accountPortal: portal }: LinkView): Html {
  const { link: t } = sentences[locale]
  return html`<dt>${portal === undefined ? t.account : t.formerAccount}</dt><dd><bdi>${account}</bdi></dd>
${portal !== undefined && html`<dt>${t.formerPortal}</dt><dd><bdi>${portal}</bdi></dd>`}`
}

const dayIn = (locale: Locale, day: string): string =>
  locale === 'vi'
    ? day.split('-').toReversed().join('/')
    : new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(day))
