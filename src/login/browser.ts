/**
 * Our own two cookies, beside the engine's session cookie. One identifies the browser by a random name, to which trips to
 * VNeID are bound, and holds the portal it last came from, so that an error page can link back to that portal. The other
 * holds the language that the user chose.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { type Locale, chooseLocale } from '../pages/locale.ts'

export interface Browser {
  readonly id: string
  /** `client_id` of the last portal. */
  readonly clientId: string
}

const cookieName = (name: 'browser' | 'locale', secure: boolean) => (secure ? `__Host-${name}` : name)

export function readBrowser(ctx: Context): Browser | undefined {
  const [, id, clientId] =
    /^([\w-]{22})~([a-z0-9._-]+)$/.exec(
      ctx.cookies.get(cookieName('browser', ctx.secure), { signed: false }) ?? '',
    ) ?? []
  return id === undefined || clientId === undefined ? undefined : { id, clientId }
}

/** Ten random bytes and a 6-byte MAC, so that invented names are rejected. Newest key first. */
function macName(ctx: Context, random: Buffer): Buffer[] {
  const signer = ctx.app.keys as unknown as { signatures(data: string): Buffer[] }
  const marks = signer.signatures(`browser ${random.toString('base64url')}`)
  return marks.map((mark) => Buffer.concat([random, mark.subarray(0, 6)]))
}

/** The browser's name from its cookie; undefined if there is none or if we did not issue it. */
export function knownBrowser(ctx: Context): string | undefined {
  const id = readBrowser(ctx)?.id
  const name = Buffer.from(id ?? '', 'base64url')
  const isOurs =
    name.length === 16 &&
    macName(ctx, name.subarray(0, 10)).some((candidate) => timingSafeEqual(candidate, name))
  return isOurs ? id : undefined
}

/** The browser's name. Sets the cookie if the browser has no name of ours, or if it came from another portal last time. */
export function nameBrowser(ctx: Context, clientId: string): string {
  const known = knownBrowser(ctx)
  const id = known ?? macName(ctx, randomBytes(10))[0]!.toString('base64url')
  if (known === undefined || readBrowser(ctx)?.clientId !== clientId) {
    ctx.cookies.set(cookieName('browser', ctx.secure), `${id}~${clientId}`, {
      signed: false,
      httpOnly: true,
      sameSite: 'lax',
      secure: ctx.secure,
      path: '/',
      overwrite: true,
    })
  }
  return id
}

/** The language of the page: the citizen's choice on one of our pages (`?ui_locales=`, kept in a cookie), then `ui_locales` of the portal's request, then `Accept-Language`. */
export function localeOf(ctx: Context, uiLocales?: unknown): Locale {
  const chosen = ctx.query['ui_locales']
  const ours = !('oidc' in ctx && ctx['oidc']) && typeof chosen === 'string'
  const locale = chooseLocale({
    uiLocales: ours ? chosen : typeof uiLocales === 'string' ? uiLocales : undefined,
    cookie: ctx.cookies.get(cookieName('locale', ctx.secure), { signed: false }),
    acceptLanguage: ctx.get('accept-language'),
  })
  if (ours) {
    ctx.cookies.set(cookieName('locale', ctx.secure), locale, {
      signed: false,
      httpOnly: true,
      sameSite: 'lax',
      secure: ctx.secure,
      path: '/',
      maxAge: 180 * 86_400_000,
    })
  }
  return locale
}
