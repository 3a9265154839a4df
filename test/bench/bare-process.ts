/**
 * The yardstick: oidc-provider as its documentation sets it up. An interaction that approves at once (or, when
 * `upstream` is given, one that goes to the same VNeID as the broker does), no mapping, no policy, no audit, no log.
 */
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Router } from '@koa/router'
import { type ClientMetadata, type JWK, Provider } from 'oidc-provider'
import * as client from 'openid-client'
import { openMap, openRedis } from './documented-adapter.ts'
import { serve } from './measured.ts'

export interface BareSettings {
  issuer: string
  /** Absent: a Map. */
  redisUrl?: string
  portal: ClientMetadata
  upstream?: { issuer: string; clientId: string; clientSecret: string }
}

serve(async ({ issuer, redisUrl, portal, upstream }: BareSettings) => {
  const storage = redisUrl === undefined ? openMap() : openRedis(redisUrl)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cookieKey = randomBytes(32).toString('base64url')
  const provider = new Provider(issuer, {
    adapter: storage.adapter,
    clients: [portal],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' } as JWK] },
    findAccount: (_ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId, name: 'Nguyễn Văn An' }) }),
    claims: { openid: ['sub'], profile: ['name'] },
    cookies: { keys: [cookieKey], ...(upstream && { short: { path: '/' } }) },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    // The same lives as the broker's, so that both leave as much behind.
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 28_800, IdToken: 600, Interaction: 900, Session: 28_800 },
  })

  const router = new Router()
  /** What the documentation does after the questions: a grant of what was asked, and on. */
  const approve = async (ctx: Parameters<Provider['app']['callback']>[0] | any, accountId: string) => {
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
    grant.addOIDCScope(String(params['scope']))
    const grantId = await grant.save()
    ctx.respond = false
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId }, consent: { grantId } })
  }
  if (upstream === undefined) router.get('/interaction/:uid', (ctx) => approve(ctx, 'one-and-the-same'))
  provider.use(router.routes())
})
