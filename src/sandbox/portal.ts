/** A demo portal, as its own developers would write it: openid-client, discovery, nothing of the broker's. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Router } from '@koa/router'
import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import Koa, { type Context } from 'koa'
import * as client from 'openid-client'
import { createLogoutTokenCheck } from './portal-logout.ts'
import { contentPolicy, type Person, personPage, type Place, welcomePage } from './portal-pages.ts'
import { readForm, shortLived } from './simulator-desk.ts'

export interface PortalOptions extends Place {
  readonly issuer: string
  readonly clientId: string
  readonly scope: string
  /** For client_secret_basic; without one, private_key_jwt under a key made here and published at `/jwks`. */
  readonly secret?: string | undefined
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number
}

export interface Portal {
  readonly url: string
  close(): Promise<void>
}

interface SignedIn extends Person {
  readonly idToken: string
}
/** A sign-in under way, in the browser that began it. */
interface Begun {
  readonly browser: string
  readonly nonce: string
  readonly verifier: string
}

const mostSessions = 1_000

export async function openPortal(options: PortalOptions): Promise<Portal> {
  const { issuer, clientId, scope, secret } = options
  const key = secret === undefined ? await generateKeyPair('ES256') : undefined
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    { id_token_signed_response_alg: 'ES256' },
    key ? client.PrivateKeyJwt({ key: key.privateKey, kid: clientId }) : client.ClientSecretBasic(secret),
    { execute: [client.enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [client.allowInsecureRequests] : [])] },
  )
  const checkLogoutToken = createLogoutTokenCheck({ issuer, clientId, jwksUri: config.serverMetadata().jwks_uri! })

  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const begun = shortLived<Begun>(900)
  const sessions = new Map<string, SignedIn>()
  // Cookies know no ports: on loopback, each portal needs a name of its own.
  const cookie = `session-${clientId}`
  const sessionId = (ctx: Context) => ctx.cookies.get(cookie) ?? ''
  function keep(ctx: Context, session?: SignedIn): string {
    const id = randomBytes(24).toString('base64url')
    sessions.delete(sessionId(ctx))
    if (session !== undefined) sessions.set(id, session)
    for (const oldest of sessions.keys()) if (sessions.size > mostSessions) sessions.delete(oldest)
    ctx.cookies.set(cookie, id, { httpOnly: true, sameSite: 'lax', overwrite: true })
    return id
  }

  const router = new Router()
  router.get('/', (ctx) => {
    const session = sessions.get(sessionId(ctx))
    show(ctx, session === undefined ? welcomePage(options) : personPage(options, session))
  })
  router.get('/signed-out', (ctx) => show(ctx, welcomePage(options, { signedOut: true })))

  router.get('/login', async (ctx) => {
    const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()]
    begun.put({ browser: keep(ctx), nonce, verifier }, state)
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: `${url}/callback`,
      scope,
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ui_locales: 'vi',
    })
    goTo(ctx, address.href)
  })

  router.get('/callback', async (ctx) => {
    // The address we registered, not the one that a Host header claims.
    const answer = new URL(ctx.search, `${url}/callback`)
    const state = answer.searchParams.get('state') ?? ''
    const trip = begun.take(state)
    if (trip?.browser !== sessionId(ctx)) throw new Error('phiên đăng nhập đã hết hạn')
    const tokens = await client.authorizationCodeGrant(config, answer, {
      expectedState: state,
      expectedNonce: trip.nonce,
      pkceCodeVerifier: trip.verifier,
      idTokenExpected: true,
    })
    const claims = tokens.claims()!
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    // A new name for the session, so that one planted before the login is worth nothing.
    keep(ctx, { claims, userinfo, idToken: tokens.id_token! })
    goTo(ctx, `${url}/`)
  })

  /** What the portal was told of the person at this browser; for the demo's script and for the curious. */
  router.get('/me', (ctx) => {
    const session = sessions.get(sessionId(ctx))
    ctx.status = session === undefined ? 401 : 200
    ctx.body = session && {
      header: decodeProtectedHeader(session.idToken),
      claims: session.claims,
      userinfo: session.userinfo,
    }
  })

  router.post('/logout', (ctx) => {
    const session = sessions.get(sessionId(ctx))
    keep(ctx)
    if (session === undefined) return goTo(ctx, `${url}/`)
    const address = client.buildEndSessionUrl(config, {
      id_token_hint: session.idToken,
      post_logout_redirect_uri: `${url}/signed-out`,
      ui_locales: 'vi',
    })
    return goTo(ctx, address.href)
  })

  // OIDC Back-Channel Logout 1.0 §2.5–2.8: from the broker, not from a browser.
  router.post('/backchannel-logout', async (ctx) => {
    ctx.set('cache-control', 'no-store')
    try {
      const { sid, sub } = await checkLogoutToken((await readForm(ctx)).get('logout_token') ?? '')
      for (const [id, { claims }] of sessions) {
        const meant = (sid === undefined || claims['sid'] === sid) && (sub === undefined || claims.sub === sub)
        if (meant) sessions.delete(id)
      }
      ctx.status = 204
    } catch {
      ctx.status = 400
      ctx.body = { error: 'invalid_request', error_description: 'the logout token is not acceptable' }
    }
  })

  if (key !== undefined) {
    const jwk = { ...(await exportJWK(key.publicKey)), kid: clientId, alg: 'ES256', use: 'sig' }
    router.get('/jwks', (ctx) => void (ctx.body = { keys: [jwk] }))
  }

  const app = new Koa()
  app.use(async (ctx, next) => {
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
      show(ctx, welcomePage(options, { error: sentence(error) }))
    }
  })
  app.use(router.routes())
  const answer = app.callback()
  server.on('request', (request, response) => void answer(request, response))

  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
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

/** The broker's own words where it said any (RFC 6749 §4.1.2.1); they carry the reference for the hotline. */
function sentence(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError) return `${error.error}: ${error.error_description ?? ''}`
  return error instanceof Error ? error.message : String(error)
}
