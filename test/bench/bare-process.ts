/**
 * The baseline: oidc-provider as in its documentation. Its interaction approves at once (or, if `upstream` is given, goes
 * to the same VNeID as the broker). It has no mapping, policy, audit or log.
 */
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Router } from '@koa/router'
import type { Context } from 'koa'
import { type ClientMetadata, Provider } from 'oidc-provider'
import * as client from 'openid-client'
import { openMap, openRedis } from './documented-adapter.ts'
import { serve } from './measured.ts'

interface UpstreamSettings {
  issuer: string
  clientId: string
  clientSecret: string
}

export interface BareSettings {
  issuer: string
  /** Undefined: state is in a Map. */
  redisUrl?: string
  portal: ClientMetadata
  upstream?: UpstreamSettings
}

serve(async ({ issuer, redisUrl, portal, upstream }: BareSettings) => {
  const storage = redisUrl === undefined ? openMap() : openRedis(redisUrl)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const provider = new Provider(issuer, {
    adapter: storage.adapter,
    clients: [portal],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    findAccount: (_ctx, accountId) => ({
      accountId,
      claims: () => Promise.resolve({ sub: accountId, name: 'Nguyễn Văn An' }),
    }),
    claims: { openid: ['sub'], profile: ['name'] },
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      // The callback from VNeID is not under the path of the interaction.
      ...(upstream && { short: { path: '/', signed: true, httpOnly: true, sameSite: 'lax' as const } }),
    },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    // The same lifetimes as the broker's, so that both store equally much.
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 28_800,
      IdToken: 600,
      Interaction: 900,
      Session: 28_800,
    },
  })

  const router = new Router()
  if (upstream === undefined)
    router.get('/interaction/:uid', (ctx) => approve(provider, ctx, 'one-and-the-same'))
  else await brokered(router, provider, upstream)
  provider.use(router.routes())

  const answer = provider.callback()
  const server = createServer((request, response) => void answer(request, response))
  server.listen(Number(new URL(issuer).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    trips: () => Promise.resolve({ state: storage.trips(), sql: 0 }),
    async close() {
      server.close()
      server.closeAllConnections()
      await storage.close()
    },
  }
})

/** Grants the request, as in the documentation. */
async function approve(provider: Provider, ctx: Context, accountId: string): Promise<void> {
  const { params } = await provider.interactionDetails(ctx.req, ctx.res)
  const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
  grant.addOIDCScope(String(params['scope']))
  const grantId = await grant.save()
  ctx.respond = false
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId }, consent: { grantId } })
}

/** Brokers as usual: the interaction redirects to VNeID, and its callback ends the interaction. */
async function brokered(
  router: Router,
  provider: Provider,
  { issuer, ...us }: UpstreamSettings,
): Promise<void> {
  const vneid = await client.discovery(new URL(issuer), us.clientId, us.clientSecret, undefined, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const key = randomBytes(32)
  const secretOf = (what: string, uid: string) =>
    createHmac('sha256', key).update(`${what} ${uid}`).digest('base64url')

  router.get('/interaction/:uid', async (ctx) => {
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res)
    const url = client.buildAuthorizationUrl(vneid, {
      redirect_uri: `${provider.issuer}/cb`,
      scope: 'openid',
      state: uid,
      nonce: secretOf('nonce', uid),
      code_challenge: await client.calculatePKCECodeChallenge(secretOf('verifier', uid)),
      code_challenge_method: 'S256',
    })
    ctx.status = 303
    ctx.redirect(url.href)
  })
  router.get('/cb', async (ctx) => {
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res)
    const tokens = await client.authorizationCodeGrant(vneid, new URL(ctx.url, provider.issuer), {
      expectedState: uid,
      expectedNonce: secretOf('nonce', uid),
      pkceCodeVerifier: secretOf('verifier', uid),
      idTokenExpected: true,
    })
    await approve(provider, ctx, tokens.claims()!.sub)
  })
}
