/** The strict road: OpenID Connect Core, authorization code flow with PKCE; openid-client checks, this file decides. */
import { createPrivateKey, hash } from 'node:crypto'
import { compactVerify, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import * as client from 'openid-client'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import { createTransport, OutgoingError } from '../outgoing.ts'
import { codeOf, readCallback } from './callback.ts'
import { guard } from './guard.ts'
import { invalidAnswer, isComplete, toIdentity } from './identity.ts'
import type { Claims } from './identity.ts'
import { remember } from './remember.ts'
import type { Transaction, Upstream } from './upstream.ts'

/** Seconds our clock and the issuer's may differ. */
const tolerance = 10

interface Options {
  config: Config['upstream']
  /** Seconds since the epoch. */
  now?: () => number
}

interface Road {
  readonly keys: JWTVerifyGetKey
  readonly server: client.ServerMetadata
  readonly configuration: client.Configuration
}

export function openOidcUpstream({ config, now = () => Math.floor(Date.now() / 1000) }: Options): Upstream {
  const { issuer } = config
  if (issuer === undefined) throw new TypeError('the oidc dialect requires an issuer')
  // config.ts admits http on loopback only.
  const insecure = issuer.startsWith('http:')
  const authentication = clientAuthentication(config)
  const transport = createTransport({ ca: config.ca, timeout: config.timeout })
  const send = async (url: string, init: client.CustomFetchOptions) => {
    const answer = await transport(url, init)
    const { status } = answer
    if (status >= 500 || status === 429) throw new OutgoingError('network', new URL(url), `status ${status}`)
    return answer
  }

  let last: Road | undefined
  const road = remember(async () => {
    try {
      const server = await guard('discovery', () => describe(config, issuer, send))
      const metadata = { id_token_signed_response_alg: config.idTokenAlg, [client.clockTolerance]: tolerance }
      const configuration = new client.Configuration(server, config.clientId, metadata, authentication)
      configuration[client.customFetch] = send
      configuration.timeout = 0 // the transport has its own
      if (insecure) client.allowInsecureRequests(configuration)
      last = { server, configuration, keys: readKeys(server, send) }
    } catch (error) {
      // An outage of the description alone stops nobody.
      if (last === undefined) throw error
    }
    return last
  }, 3600)

  return {
    async begin(transaction, { level, locale }) {
      const { configuration } = await road()
      const acrValues = level === undefined ? undefined : config.acrValues?.[level]
      const { maxAge } = transaction
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: config.redirectUri,
        scope: config.scope,
        state: transaction.state,
        nonce: transaction.nonce,
        code_challenge: hash('sha256', transaction.codeVerifier, 'base64url'),
        code_challenge_method: 'S256',
        ...(locale !== undefined && { ui_locales: locale }),
        ...(acrValues !== undefined && { acr_values: acrValues }),
        // max_age obliges the issuer to say auth_time (OIDC Core §2); prompt is for issuers deaf to a zero.
        ...(maxAge !== undefined && { max_age: String(maxAge) }),
        ...(maxAge === 0 && { prompt: 'login' }),
      })
      return url.href
    },

    async complete(query, transaction) {
      const callback = readCallback(query, transaction.state)
      const { server, configuration, keys } = await road()
      // RFC 9207 §2.4, before the error is believed; openid-client would check it on a code only.
      if (
        callback.iss === undefined
          ? server.authorization_response_iss_parameter_supported
          : callback.iss !== issuer
      ) {
        throw invalidAnswer('callback: iss')
      }
      const address = new URL(config.redirectUri)
      address.search = new URLSearchParams({ ...callback, code: codeOf(callback) }).toString()
      const tokens = await guard('token', () =>
        client.authorizationCodeGrant(configuration, address, {
          expectedState: transaction.state,
          expectedNonce: transaction.nonce,
          pkceCodeVerifier: transaction.codeVerifier,
          idTokenExpected: true,
        }),
      )
      const said = tokens.claims()
      if (said === undefined) throw invalidAnswer('token: no ID token')
      await checkSignature(tokens.id_token!, keys, config.idTokenAlg)
      const authenticatedAt = timeOf(said, transaction, now())
      let claims: Claims = said
      if (server.userinfo_endpoint !== undefined && !isComplete(said, config)) {
        // OIDC Core §5.3.2: the sub must be the ID token's, or the rest describes someone else.
        const userinfo = () => client.fetchUserInfo(configuration, tokens.access_token, said.sub)
        claims = { ...said, ...(await guard('userinfo', userinfo)) }
      }
      return toIdentity(claims, authenticatedAt, config)
    },

    async end({ state, returnTo }) {
      // An issuer that is away must not keep anybody from leaving us.
      const found = await road().catch(() => undefined)
      const address = found?.server.end_session_endpoint ?? config.endSessionEndpoint
      if (address === undefined) return undefined
      const url = new URL(address)
      url.searchParams.set('client_id', config.clientId)
      url.searchParams.set('post_logout_redirect_uri', returnTo)
      url.searchParams.set('state', state)
      return url.href
    },

    ready: remember(async () => {
      const { server } = await road()
      const answer = await guard('ready', () => transport(server.jwks_uri ?? issuer))
      if (answer.status !== 200)
        throw new BrokerError('upstream_unavailable', `ready: keys: status ${answer.status}`)
    }, 30),
  }
}

/** Endpoints given as settings go before the published ones. */
async function describe(
  config: Config['upstream'],
  issuer: string,
  send: client.CustomFetch,
): Promise<client.ServerMetadata> {
  const given = Object.entries({
    authorization_endpoint: config.authorizationEndpoint,
    token_endpoint: config.tokenEndpoint,
    userinfo_endpoint: config.userinfoEndpoint,
    jwks_uri: config.jwksUri,
    end_session_endpoint: config.endSessionEndpoint,
  }).filter(([, value]) => value !== undefined)
  if (!config.discovery) return { issuer, ...Object.fromEntries(given) }
  const found = await client.discovery(new URL(issuer), config.clientId, undefined, undefined, {
    [client.customFetch]: send,
    timeout: config.timeout,
    execute: issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
  })
  const published = found.serverMetadata()
  // Exactly (OpenID Connect Discovery §4.3): the ID token's `iss` is compared with it.
  if (published.issuer !== issuer) throw invalidAnswer('discovery: issuer')
  return { ...published, ...Object.fromEntries(given) }
}

function readKeys({ jwks_uri: uri }: client.ServerMetadata, send: client.CustomFetch): JWTVerifyGetKey {
  if (uri === undefined) throw invalidAnswer('discovery: jwks_uri')
  return createRemoteJWKSet(new URL(uri), {
    // An unknown `kid` reads them again at once; `remember` above forgets them hourly.
    cacheMaxAge: Infinity,
    [customFetch]: (url: string, init: object) => send(url, init as client.CustomFetchOptions),
  })
}

/**
 * OIDC Core §3.1.3.7 lets TLS to the token endpoint stand for the ID token's origin; we do not. openid-client
 * would import the key anew for each token; jose keeps it.
 */
async function checkSignature(idToken: string, keys: JWTVerifyGetKey, algorithm: string): Promise<void> {
  await compactVerify(idToken, keys, { algorithms: [algorithm] }).catch((error: unknown) => {
    const outgoing = [error, (error as Error).cause].find((one) => one instanceof OutgoingError)
    if (outgoing !== undefined) throw new BrokerError('upstream_unavailable', outgoing.message)
    throw invalidAnswer('id_token: signature')
  })
}

function clientAuthentication({
  clientKey,
  clientKeyId,
  clientSecret,
}: Config['upstream']): client.ClientAuth {
  if (clientKey === undefined) return client.ClientSecretBasic(clientSecret)
  const key = createPrivateKey(clientKey)
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? { name: 'ECDSA', namedCurve: 'P-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const signer = key.toCryptoKey(algorithm, false, ['sign'])
  return client.PrivateKeyJwt(clientKeyId === undefined ? signer : { key: signer, kid: clientKeyId })
}

/** When the citizen authenticated. @throws BrokerError where the ID token is not of this trip, or the act is too old */
function timeOf(
  { iat, auth_time: said }: client.IDToken,
  { maxAge, begunAt }: Transaction,
  now: number,
): number {
  if (iat > now + tolerance || iat < begunAt - tolerance) throw invalidAnswer('id_token: iat')
  if (said !== undefined && said > now + tolerance) throw invalidAnswer('id_token: auth_time')
  if (maxAge !== undefined) {
    const oldest = maxAge === 0 ? begunAt : now - maxAge
    if (said === undefined)
      throw new BrokerError('upstream_authentication_stale', 'id_token: auth_time missing')
    if (said < oldest - tolerance)
      throw new BrokerError('upstream_authentication_stale', 'id_token: auth_time')
  }
  // Nobody asked for a fresh one, and the issuer does not say: the moment it vouched is the best there is.
  return Math.min(said ?? iat, now)
}
