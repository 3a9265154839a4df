/**
 * Two cookies of our own, beside the engine's session: which browser this is (a random name, for binding
 * trips to VNeID), with the portal it last came from so that a dead end can offer the way back; and the
 * language its user chose.
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

/** The name of a browser that has been here before; undefined for a name that we did not give. */
export function knownBrowser(ctx: Context): string | undefined {
  const id = readBrowser(ctx)?.id
  const name = Buffer.from(id ?? '', 'base64url')
  const isOurs =
    name.length === 16 &&
    macName(ctx, name.subarray(0, 10)).some((candidate) => timingSafeEqual(candidate, name))
  return isOurs ? id : undefined
}

/** The browser's name; a browser without one of ours gets one now. */
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

/** The language that the citizen chose on a page of ours (`?ui_locales=`, then remembered); else the portal's wish, then the browser's. */
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
