/** A demo portal: a few pages and its own session, around a standard OpenID Connect client. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { Router } from '@koa/router'
import Koa, { type Context, type Next } from 'koa'
import { connectRelyingParty, type LinkChange, refusalOf, type SignedIn, type Trip } from './client.ts'
import { oldAccountPage } from './old-account.ts'
import { contentPolicy, personPage, type Place, welcomePage } from './pages.ts'
import { readForm, shortLived } from '../simulator/desk.ts'

export interface PortalOptions extends Place {
  readonly issuer: string
  readonly clientId: string
  readonly scope: string
  /** For client_secret_basic. Without a secret, uses private_key_jwt with a new key, published at `/jwks`. */
  readonly secret?: string | undefined
  /** On 127.0.0.1. */
  readonly port: number
}

export interface Portal {
  readonly url: string
  /** All changes of the links of the portal's old accounts, as a job of the portal would read them. */
  readChanges(): Promise<LinkChange[]>
  close(): Promise<void>
}

const maxSessions = 1_000

export async function openPortal(options: PortalOptions): Promise<Portal> {
  const url = `http://127.0.0.1:${options.port}`
  const relyingParty = await connectRelyingParty({ ...options, url })
  const trips = shortLived<Trip & { browser: string }>(900)
  const sessions = new Map<string, SignedIn>()

  // Cookies ignore ports, so on loopback each portal needs its own cookie name.
  const cookie = `session-${options.clientId}`
  const nameOf = (ctx: Context) => ctx.cookies.get(cookie) ?? ''
  const sessionOf = (ctx: Context) => sessions.get(nameOf(ctx))
  /** Gives the browser a new session id each time, which prevents session fixation. */
  function rename(ctx: Context, session?: SignedIn): string {
    const name = randomBytes(24).toString('base64url')
    sessions.delete(nameOf(ctx))
    if (session !== undefined) sessions.set(name, session)
    for (const oldest of sessions.keys()) if (sessions.size > maxSessions) sessions.delete(oldest)
    ctx.cookies.set(cookie, name, { httpOnly: true, sameSite: 'lax', overwrite: true })
    return name
  }

  const router = new Router()
  router.get('/', (ctx) => {
    const session = sessionOf(ctx)
    show(ctx, session === undefined ? welcomePage(options) : personPage(options, session))
  })
  router.get('/signed-out', (ctx) => show(ctx, welcomePage(options, { signedOut: true })))

  async function setOut(ctx: Context, oldAccount?: string): Promise<void> {
    const { address, trip } = await relyingParty.begin(oldAccount)
    trips.put({ ...trip, browser: rename(ctx) }, trip.state)
    goTo(ctx, address)
  }
  router.get('/login', (ctx) => setOut(ctx))

  router.get('/old-account', (ctx) => show(ctx, oldAccountPage(options)))
  router.post('/old-account', async (ctx) => {
    const account = (await readForm(ctx)).get('account')?.trim() ?? ''
    // A real portal must check the old account's password here, and must not continue without it.
    if (account === '') show(ctx, oldAccountPage(options, { isMissing: true }))
    else await setOut(ctx, account)
  })

  router.get('/callback', async (ctx) => {
    // Use the registered redirect URI, not the Host header.
    const answer = new URL(ctx.search, `${url}/callback`)
    const trip = trips.take(answer.searchParams.get('state'))
    if (trip?.browser !== nameOf(ctx)) throw new Error('phiên đăng nhập đã hết hạn')
    rename(ctx, await relyingParty.complete(answer, trip))
    goTo(ctx, `${url}/`)
  })

  /** Shows the tokens' content and userinfo of the person at this browser, for the demo's script and for readers. */
  router.get('/me', (ctx) => {
    const session = sessionOf(ctx)
    if (session === undefined) return void (ctx.status = 401)
    const { header, claims, userinfo } = session
    return void (ctx.body = { header, claims, userinfo })
  })

  router.post('/logout', (ctx) => {
    const session = sessionOf(ctx)
    rename(ctx)
    goTo(ctx, session === undefined ? `${url}/` : relyingParty.logoutAddress(session))
  })

  // Called by the broker, not by a browser (OIDC Back-Channel Logout 1.0 §2.5–2.8).
  router.post('/backchannel-logout', async (ctx) => {
    try {
      const { sid, sub } = await relyingParty.readLogoutToken((await readForm(ctx)).get('logout_token') ?? '')
      for (const [name, { claims }] of sessions) {
        const meant =
          (sid === undefined || claims['sid'] === sid) && (sub === undefined || claims.sub === sub)
        if (meant) sessions.delete(name)
      }
      ctx.status = 200
    } catch {
      ctx.status = 400
      ctx.body = { error: 'invalid_request', error_description: 'the logout token is not valid' }
    }
  })

  router.get('/jwks', (ctx) => void (ctx.body = relyingParty.publicKeys))

  const app = new Koa().use((ctx, next) => boundary(ctx, next, options)).use(router.routes())
  const server = createServer(app.callback() as (...parts: unknown[]) => void)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve)
  })
  return {
    url,
    readChanges: relyingParty.readChanges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function boundary(ctx: Context, next: Next, place: Place): Promise<void> {
  ctx.set({
    'content-security-policy': contentPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  try {
    await next()
  } catch (error) {
    ctx.status = 400
    show(ctx, welcomePage(place, { refusal: refusalOf(error) }))
  }
}

function show(ctx: Context, page: string): void {
  ctx.type = 'html'
  ctx.body = page
}

function goTo(ctx: Context, address: string): void {
  ctx.status = 303
  ctx.redirect(address)
}
