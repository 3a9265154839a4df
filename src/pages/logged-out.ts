import { html } from './html.ts'
import { actions, layout, portalBlock } from './layout.ts'
import type { Frame, Way } from './layout.ts'
import { sentences } from './locale.ts'

/** Shown after the whole session has ended. @param view with `isUnreached`: the portals may not know of it */
export function loggedOutPage(view: Frame & Way & { isUnreached?: boolean }): string {
  const { loggedOut: t } = sentences[view.locale]
  const body = html`<p>${t.text}</p>
${view.isUnreached === true && html`<p>${t.unreached}</p>`}
<section class="box">
<h2>${t.shared}</h2>
<ul>${t.advice.map((line) => html`<li>${line}</li>`)}</ul>
</section>
${actions(view)}`
  return layout({ ...view, title: t.title, body })
}

/** Shown after sign-out from one portal. It says that the session continues, so that no person leaves a shared computer signed in by mistake. */
export function leftPortalPage(view: Frame & Way & { portalName: string; logoutUrl: string }): string {
  const { leftPortal: t, logout } = sentences[view.locale]
  const body = html`${portalBlock(t.portal, view.portalName)}
<p>${t.text} ${logout.shared}</p>
${actions(view, html`<a class="button" href="${view.logoutUrl}">${logout.everywhere}</a>`)}`
  return layout({ ...view, title: t.title, body })
}

/** Shown if the session has not ended: a form of an older page, or the address of the page above without a logout. */
export function notLoggedOutPage(view: Frame & Way & { logoutUrl: string }): string {
  const { notLoggedOut: t, leftPortal, logout } = sentences[view.locale]
  const body = html`<p>${leftPortal.text} ${logout.shared}</p>
${actions(view, html`<a class="button" href="${view.logoutUrl}">${logout.everywhere}</a>`)}`
  return layout({ ...view, title: t.title, body })
}
