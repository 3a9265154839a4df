import { styleHash } from './style.ts'

/**
 * The headers of our pages.
 *
 * `form-action`: a page without a form forbids it. A page with a form (`form: true`: logout, post) omits it, because
 * Chromium also applies it to every redirect after the submission. The redirects lead to VNeID or the portal, and from
 * there to hosts that we cannot list, and 'self' would block them. Omitting it is safe: our pages have no script and every
 * value in them is escaped, so an attacker cannot insert a form.
 */
export function pageHeaders(page: { form?: boolean } = {}): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src '${styleHash}'`,
    // The favicon is a data URL in the page.
    'img-src data:',
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(page.form ? [] : ["form-action 'none'"]),
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    // On a shared computer the back button must not show the last person's page.
    'cache-control': 'no-store',
    // URLs of a sign-in are not sent to other sites. `no-referrer` would turn the Origin of our own forms into "null".
    'referrer-policy': 'same-origin',
  }
}
