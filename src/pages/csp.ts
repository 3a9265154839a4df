import { styleHash } from './style.ts'

/**
 * The headers that belong to a page of ours.
 *
 * `form-action`: a page without a form forbids it. A page with one (`form: true`: logout, post) leaves it
 * out, because Chromium applies it to every redirect after the submission as well: the way leads to VNeID or
 * the portal and on from there to hosts we cannot list, and 'self' would stop it. Nothing is given away:
 * the pages have no script and every value in them is escaped, so no foreign form can appear.
 */
export function pageHeaders(page: { form?: boolean } = {}): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src '${styleHash}'`,
    // The tab's icon is in the page.
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
    // Addresses of a sign-in stay here; `no-referrer` would turn the Origin of our own forms into "null".
    'referrer-policy': 'same-origin',
  }
}
