/**
 * Our own two lasting cookies, beside the engine's session cookie. One identifies the browser by a random name, to which
 * trips to VNeID are bound, and holds the portal it last came from, so that an error page can link back to that portal.
 * The other holds the language that the user chose.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { type Locale, chooseLocale } from '../pages/locale.ts'

export interface Browser {
  readonly id: string
  /** `client_id` of the last portal. */
  readonly clientId: string
  /** Keyed hash of the person who last returned from VNeID in this browser, if there was one since it has this name. */
  readonly person?: string | undefined
}
/** Browsers that the current request has given a new cookie. */
const renewed = new WeakMap<Context, Browser>()
const renamed = new WeakSet<Context>()

const cookieName = (name: 'browser' | 'locale', secure: boolean) => (secure ? `__Host-${name}` : name)

export function readBrowser(ctx: Context): Browser | undefined {
  const known = renewed.get(ctx)
  if (known !== undefined) return known
  const [, id, clientId, person] =
    /^([\w-]{22})~([a-z0-9._-]+)(?:~([\w-]{22}))?$/.exec(
      ctx.cookies.get(cookieName('browser', ctx.secure), { signed: false }) ?? '',
    ) ?? []
  return id === undefined || clientId === undefined ? undefined : { id, clientId, person }
}

function setBrowser(ctx: Context, browser: Browser): void {
  renewed.set(ctx, browser)
  const { id, clientId, person } = browser
  ctx.cookies.set(
    cookieName('browser', ctx.secure),
    person === undefined ? `${id}~${clientId}` : `${id}~${clientId}~${person}`,
    { signed: false, httpOnly: true, sameSite: 'lax', secure: ctx.secure, path: '/', overwrite: true },
  )
}

const signatures = (ctx: Context, data: string): Buffer[] =>
  (ctx.app.keys as unknown as { signatures(data: string): Buffer[] }).signatures(data)

/** Ten random bytes and a 6-byte MAC, so that invented names are rejected. Newest key first. */
function macName(ctx: Context, random: Buffer): Buffer[] {
  const marks = signatures(ctx, `browser ${random.toString('base64url')}`)
  return marks.map((mark) => Buffer.concat([random, mark.subarray(0, 6)]))
}
const newName = (ctx: Context): string => macName(ctx, randomBytes(10))[0]!.toString('base64url')

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
  const id = known ?? newName(ctx)
  const browser = readBrowser(ctx)
  if (known === undefined) setBrowser(ctx, { id, clientId })
  else if (browser?.clientId !== clientId) setBrowser(ctx, { id, clientId, person: browser?.person })
  return id
}

/**
 * Gives the browser another name. Every trip to VNeID, question and form that it began is bound to the old name, so all of
 * them end: the next person at a shared computer cannot continue them.
 */
export function renameBrowser(ctx: Context): void {
  const browser = readBrowser(ctx)
  if (browser === undefined) return
  renamed.add(ctx)
  setBrowser(ctx, { id: newName(ctx), clientId: browser.clientId })
}

/** Sets the cookie of a renamed browser again, for an answer whose cookies were removed because the request failed. */
export function keepNewName(ctx: Context): void {
  const browser = renamed.has(ctx) ? readBrowser(ctx) : undefined
  if (browser !== undefined) setBrowser(ctx, browser)
}

/**
 * Notes who has returned from VNeID in this browser.
 * @param person the identification number
 * @returns true if it is another person than before; then the browser has another name (`renameBrowser`)
 */
export function noteArrival(ctx: Context, person: string, isAnother: boolean): boolean {
  const browser = readBrowser(ctx)
  if (browser === undefined) return false
  const marksOf = (id: string) =>
    signatures(ctx, `person ${id} ${person}`).map((mark) => mark.toString('base64url', 0, 16))
  const isKnown = browser.person !== undefined && marksOf(browser.id).includes(browser.person)
  if (isKnown && !isAnother) return false
  const isRenamed = isAnother || browser.person !== undefined
  if (isRenamed) renamed.add(ctx)
  const id = isRenamed ? newName(ctx) : browser.id
  setBrowser(ctx, { id, clientId: browser.clientId, person: marksOf(id)[0]! })
  return isRenamed
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
