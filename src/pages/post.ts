import { html } from './html.ts'
import { layout } from './layout.ts'
import type { Frame } from './layout.ts'
import { sentences } from './locale.ts'

interface Post extends Frame {
  readonly action: string
  readonly inputs: Readonly<Record<string, string>>
}

/** A POST that must be sent again, where others submit by script: here the citizen presses the button. */
export function postPage(post: Post): string {
  const { post: t } = sentences[post.locale]
  const inputs = Object.entries(post.inputs).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const body = html`<p>${t.text}</p>
<form method="post" action="${post.action}">
${inputs}
<div class="actions"><button class="button">${t.continue}</button></div>
</form>`
  return layout({ ...post, title: t.title, body })
}
