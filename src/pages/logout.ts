import { html } from './html.ts'
import { layout, portalBlock } from './layout.ts'
import type { Frame } from './layout.ts'
import { sentences } from './locale.ts'

interface LogoutQuestion extends Frame {
  /** URL of the engine's confirmation, and the form secret that it checks. */
  readonly formAction: string
  readonly xsrf: string
  /** The portal that requested the logout. Without one, only the whole session can be ended. */
  readonly portalName?: string | undefined
  /** True if the portal's request named something wrong, so that the citizen cannot be sent back to it. */
  readonly isWrongRequest?: boolean
}

/** With `logout=yes` the engine ends the whole session, without it only the part of the requesting portal. */
export function logoutPage(question: LogoutQuestion): string {
  const { logout: t } = sentences[question.locale]
  const { portalName, isWrongRequest = false } = question
  const body = html`${portalName !== undefined && portalBlock(t.portal, portalName)}
${isWrongRequest && html`<p>${t.wrongRequest}</p>`}
<p>${t.text} ${t.shared}</p>
${portalName === undefined && html`<p>${t.stay}</p>`}
<form method="post" action="${question.formAction}">
<input type="hidden" name="xsrf" value="${question.xsrf}">
<div class="actions">
<button class="button" name="logout" value="yes">${t.everywhere}</button>
${portalName !== undefined && html`<button class="button plain">${t.portalOnly}</button>`}
</div>
</form>`
  return layout({ ...question, title: t.title, body })
}
