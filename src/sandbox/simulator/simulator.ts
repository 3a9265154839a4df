/**
 * sandbox/ holds everything that is made up: the VNeID simulator, the demo portals, the citizens. The simulator is a real
 * issuer on its own port with both dialects: OpenID Connect under /oidc, the direct one at the root.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Router } from '@koa/router'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import Koa, { type Context, type Next } from 'koa'
import {
  createDesk,
  type Desk,
  type EnvelopeMode,
  type Faults,
  Refusal,
  type SimulatorClient,
} from './desk.ts'
import { directDialect } from './direct.ts'
import { oidcDialect, type SigningKeys } from './oidc.ts'
import { contentPolicy, errorPage } from './pages.ts'

export type { EnvelopeMode, Faults, SimulatorClient }

export interface SimulatorOptions {
  readonly host?: string
  /** 0, the default, takes a free port. */
  readonly port?: number
  /** The issuer URL, if clients and browsers reach it by another URL than `http://host:port`. */
  readonly issuer?: string | undefined
  readonly clients: readonly SimulatorClient[]
  /** Key or number of a citizen who is signed in at once, without pages. */
  readonly approve?: string | undefined
  /** The envelope of the direct dialect; the default is `none`. */
  readonly envelope?: EnvelopeMode
  readonly signingAlg?: 'RS256' | 'PS256' | 'ES256' | 'EdDSA'
}

/** Requests per endpoint, both dialects together. Posts of the pages do not count. */
type RequestCounts = Record<'discovery' | 'jwks' | 'authorize' | 'token' | 'userinfo' | 'logout', number>

export interface Simulator {
  readonly issuer: string
  /** The URL on which it listens; equals the issuer unless another issuer was given. */
  readonly url: string
  readonly requests: RequestCounts
  /** Signs this citizen in without pages from now on; undefined shows the pages again. @throws Error if no citizen has this key or number */
  approve(citizen: string | undefined): void
  /** Replaces the simulated faults; `{}` ends them. */
  tamper(faults: Faults): void
  close(): Promise<void>
}

export async function openSimulator(options: SimulatorOptions): Promise<Simulator> {
  const desk = createDesk({ clients: options.clients, envelope: options.envelope ?? 'none' })
  desk.approve(options.approve)
  const keys = await signingKeys(options.signingAlg ?? 'RS256')
  const requests: RequestCounts = { discovery: 0, jwks: 0, authorize: 0, token: 0, userinfo: 0, logout: 0 }

  const host = options.host ?? '127.0.0.1'
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, host, resolve)
  })
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  const issuer = options.issuer ?? url

  const router = new Router()
  oidcDialect({ router, desk, issuer, keys })
  directDialect({ router, desk })
  const app = new Koa()
  app
    .use((ctx, next) => boundary(ctx, next))
    .use(counted(requests))
    .use(failing(desk))
    .use(router.routes())
  // Added only now, because the issuer is unknown until the port is known.
  const answer = app.callback()
  server.on('request', (request, response) => void answer(request, response))

  return {
    issuer,
    url,
    requests,
    approve: (citizen) => desk.approve(citizen),
    tamper: (faults) => {
      desk.faults = faults
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function boundary(ctx: Context, next: Next): Promise<void> {
  ctx.set('Content-Security-Policy', contentPolicy)
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('Referrer-Policy', 'no-referrer')
  try {
    await next()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    ctx.status = error.status
    if (error.status === 401) {
      const bearer = error.error === 'invalid_token'
      ctx.set('WWW-Authenticate', bearer ? 'Bearer error="invalid_token"' : 'Basic realm="simulator"')
    }
    const page = ctx.accepts('json', 'html') === 'html'
    if (page) ctx.type = 'html'
    ctx.body = page
      ? errorPage({ error: error.error, description: error.message }).toString()
      : { error: error.error, error_description: error.message }
  }
}

const endpoints: Readonly<Record<string, keyof RequestCounts>> = {
  '/.well-known/openid-configuration': 'discovery',
  '/jwks': 'jwks',
  '/oidc/authorize': 'authorize',
  '/oidc/token': 'token',
  '/oidc/userinfo': 'userinfo',
  '/oidc/logout': 'logout',
  '/auth': 'authorize',
  '/token': 'token',
  '/userinfo': 'userinfo',
  '/logout': 'logout',
}

const counted = (requests: RequestCounts) => (ctx: Context, next: Next) => {
  const name = endpoints[ctx.path]
  if (name !== undefined && !(name === 'authorize' && ctx.method === 'POST')) requests[name]++
  return next()
}

const failing = (desk: Desk) => (ctx: Context, next: Next) => {
  const { tokenError, tokenHangs, userinfoError, userinfoHangs } = desk.faults
  const name = endpoints[ctx.path]
  if ((name === 'token' && tokenHangs) || (name === 'userinfo' && userinfoHangs)) {
    ctx.respond = false
    return undefined
  }
  if ((name === 'token' && tokenError) || (name === 'userinfo' && userinfoError)) {
    throw new Refusal(500, 'server_error', 'simulated fault')
  }
  return next()
}

/** Keys by algorithm, generated once per process, because generating an RSA key is slow. */
const made = new Map<string, Promise<SigningKeys>>()
function signingKeys(alg: string): Promise<SigningKeys> {
  const keys = made.get(alg) ?? makeKeys(alg)
  made.set(alg, keys)
  return keys
}

async function makeKeys(alg: string): Promise<SigningKeys> {
  const [pair, other] = await Promise.all([generateKeyPair(alg), generateKeyPair(alg)])
  const jwk = await exportJWK(pair.publicKey)
  return {
    alg,
    ...pair,
    jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig', alg },
    stranger: other.privateKey,
  }
}
