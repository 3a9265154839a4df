import { html } from './html.ts'
import { layout, portalBlock } from './layout.ts'
import type { Frame } from './layout.ts'
import { sentences } from './locale.ts'

interface LogoutQuestion extends Frame {
  /** The engine's confirmation address and the secret it must get back. */
  readonly formAction: string
  readonly xsrf: string
  /** The portal that asked; without one there is nothing to leave but the whole session. */
  readonly portalName?: string | undefined
}

/** The engine ends the whole session on `logout=yes`, and only the asking portal's part without it. */
export function logoutPage(question: LogoutQuestion): string {
  const { logout: t } = sentences[question.locale]
  const { portalName } = question
  const body = html`${portalName !== undefined && portalBlock(t.portal, portalName)}
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
