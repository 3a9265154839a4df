/** The `oidc` dialect: OpenID Connect Core, authorization code flow with PKCE. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { createCaller, createTransport } from '../net/outgoing.ts'
import { callForJson, unavailable, watchCall } from './call.ts'
import { codeOf, readCallback } from './callback.ts'
import { createClientAuthentication } from './client-authentication.ts'
import { type Endpoints, describe } from './discovery.ts'
import { type IdTokenClaims, createIdTokenCheck, tolerance } from './id-token.ts'
import { invalidAnswer, isComplete, toIdentity } from './identity.ts'
import type { Claims } from './identity.ts'
import { remember } from './remember.ts'
import type { Transaction, Upstream } from './upstream.ts'

/** Token response (RFC 6749 §5.1, OIDC Core §3.1.3.3). The access token has the form that RFC 6750 §2.1 allows in a header. */
const tokenAnswer = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9\-._~+/]{1,8192}=*$/),
  token_type: z.string().regex(/^bearer$/i),
  id_token: z.string().max(65_536),
})
const userinfoAnswer = z.looseObject({ sub: z.string() })

interface Options {
  config: Config['upstream']
  /** Seconds since the epoch. */
  now?: () => number
}

export function openOidcUpstream({ config, now = () => Math.floor(Date.now() / 1000) }: Options): Upstream {
  const { issuer, clientId, redirectUri } = config
  if (issuer === undefined) throw new TypeError('the oidc dialect requires an issuer')
  const settings = { ca: config.ca, timeout: config.timeout }
  const caller = createCaller(settings)
  const transport = createTransport(settings)
  const authenticate = createClientAuthentication(config, issuer)

  let last: { endpoints: Endpoints; checkIdToken: ReturnType<typeof createIdTokenCheck> } | undefined
  const described = remember(async () => {
    try {
      const endpoints = await watchCall('discovery', () => describe(config, issuer, transport))
      const check = { issuer, clientId, algorithm: config.idTokenAlg, jwksUri: endpoints.jwks, transport }
      last = { endpoints, checkIdToken: createIdTokenCheck(check) }
    } catch (error) {
      // If only discovery fails, the endpoints read last stay in use.
      if (last === undefined) throw error
    }
    return last
  }, 3600)

  return {
    async begin(transaction, { level, locale }) {
      const { endpoints } = await described()
      const acrValues = level === undefined ? undefined : config.acrValues?.[level]
      const { maxAge } = transaction
      const url = new URL(endpoints.authorization)
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: config.scope,
        state: transaction.state,
        nonce: transaction.nonce,
        code_challenge: hash('sha256', transaction.codeVerifier, 'base64url'),
        code_challenge_method: 'S256',
        ...(locale !== undefined && { ui_locales: locale }),
        ...(acrValues !== undefined && { acr_values: acrValues }),
        // `max_age` obliges the issuer to send `auth_time` (OIDC Core §2). `prompt` is for issuers that ignore `max_age=0`.
        ...(maxAge !== undefined && { max_age: String(maxAge) }),
        ...(maxAge === 0 && { prompt: 'login' }),
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },

    async complete(query, transaction) {
      const callback = readCallback(query, transaction.state)
      const { endpoints, checkIdToken } = await described()
      // Check `iss` before the error parameter is used (RFC 9207 §2.4).
      if (callback.iss === undefined ? endpoints.saysIssuer : callback.iss !== issuer) {
        throw invalidAnswer('callback: iss')
      }
      const code = codeOf(callback)
      const time = now()
      const { headers, fields } = await authenticate(time)
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: transaction.codeVerifier,
        ...fields,
      })
      const accept = { accept: 'application/json' }
      const init = { method: 'POST', headers: { ...accept, ...headers }, body }
      const tokens = tokenAnswer.safeParse(await callForJson(caller, 'token', endpoints.token, init))
      if (!tokens.success) throw invalidAnswer(`token: ${String(tokens.error.issues[0]?.path[0])}`)

      const idToken = await checkIdToken(tokens.data.id_token, { nonce: transaction.nonce, now: time })
      const authenticatedAt = authenticationTime(idToken, transaction, time)
      let claims: Claims = idToken
      if (endpoints.userinfo !== undefined && !isComplete(idToken, config)) {
        const authorization = `Bearer ${tokens.data.access_token}`
        const answer = await callForJson(caller, 'userinfo', endpoints.userinfo, {
          headers: { ...accept, authorization },
        })
        const userinfo = userinfoAnswer.safeParse(answer)
        // The sub must equal the ID token's, otherwise the claims are about another person (OIDC Core §5.3.2).
        if (!userinfo.success || userinfo.data.sub !== idToken.sub) throw invalidAnswer('userinfo: "sub"')
        claims = { ...idToken, ...userinfo.data }
      }
      return toIdentity(claims, authenticatedAt, config)
    },

    async end({ state, returnTo }) {
      // Logout here must work even if the issuer is unreachable.
      const found = await described().catch(() => undefined)
      const address = found?.endpoints.endSession ?? config.endSessionEndpoint
      if (address === undefined) return undefined
      const url = new URL(address)
      url.searchParams.set('client_id', clientId)
      url.searchParams.set('post_logout_redirect_uri', returnTo)
      url.searchParams.set('state', state)
      return url.href
    },

    ready: remember(async () => {
      const { endpoints } = await described()
      await watchCall('ready', async () => {
        const { status } = await caller(endpoints.jwks).catch((error: unknown) => {
          throw unavailable(error)
        })
        if (status !== 200) throw new BrokerError('upstream_unavailable', `ready: keys: status ${status}`)
      })
    }, 30),
  }
}

/**
 * When the citizen authenticated, in seconds since the epoch.
 * @throws BrokerError `upstream_answer_invalid` if the ID token is older than this trip; `upstream_authentication_stale` if
 * the authentication is older than `maxAge`
 */
function authenticationTime(
  { iat, auth_time: authTime }: IdTokenClaims,
  { maxAge, begunAt }: Transaction,
  now: number,
): number {
  if (iat < begunAt - tolerance) throw invalidAnswer('id_token: iat')
  if (authTime !== undefined && authTime > now + tolerance) throw invalidAnswer('id_token: auth_time')
  if (maxAge !== undefined) {
    const oldest = maxAge === 0 ? begunAt : now - maxAge
    if (authTime === undefined)
      throw new BrokerError('upstream_authentication_stale', 'id_token: auth_time missing')
    if (authTime < oldest - tolerance)
      throw new BrokerError('upstream_authentication_stale', 'id_token: auth_time')
  }
  // Without `auth_time`, which we did not require, the time of issue is the best estimate.
  return Math.min(authTime ?? iat, now)
}
