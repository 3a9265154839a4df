/** The `oidc` dialect: OpenID Connect Core, authorization code flow. */
import { createHash, randomUUID } from 'node:crypto'
import type { Router } from '@koa/router'
import { compactVerify, type CryptoKey, decodeJwt, type JWK, SignJWT, UnsecuredJWT } from 'jose'
import type { Context } from 'koa'
import { createClientCheck } from './client.ts'
import {
  bearerGrant,
  type Desk,
  type Grant,
  knownReturn,
  now,
  readForm,
  Refusal,
  releasedClaims,
  sendTo,
} from './desk.ts'
import { signedOutPage } from './pages.ts'
import { meetCitizen } from './sign-in.ts'

export interface SigningKeys {
  readonly alg: string
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  readonly jwk: JWK & { kid: string }
  /** A key that /jwks does not publish. */
  readonly stranger: CryptoKey
}

export function oidcDialect({ router, desk, issuer, keys }: Parts): void {
  const discovery = describe(issuer, keys.alg)
  const authenticate = createClientCheck({ desk, audiences: [issuer, discovery.token_endpoint] })

  router.get('/.well-known/openid-configuration', (ctx) => {
    ctx.body = discovery
  })
  router.get('/jwks', (ctx) => {
    ctx.body = { keys: [keys.jwk] }
  })
  const authorize = (ctx: Context) => authorization(ctx, desk, issuer)
  router.get('/oidc/authorize', authorize).post('/oidc/authorize', authorize)

  router.post('/oidc/token', async (ctx) => {
    const form = await readForm(ctx)
    const client = await authenticate(ctx, form)
    if (form.get('grant_type') !== 'authorization_code')
      throw new Refusal(400, 'unsupported_grant_type', 'grant_type must be authorization_code')
    const grant = desk.codes.take(form.get('code'))
    const fits =
      grant?.dialect === 'oidc' &&
      grant.clientId === client.clientId &&
      grant.redirectUri === form.get('redirect_uri') &&
      grant.codeChallenge === challengeOf(form.get('code_verifier'))
    if (!fits)
      throw new Refusal(
        400,
        'invalid_grant',
        'the code, client_id, redirect_uri or code_verifier does not match',
      )
    ctx.set('Cache-Control', 'no-store')
    ctx.body = {
      access_token: desk.tokens.put(grant),
      token_type: 'Bearer',
      expires_in: desk.tokens.seconds,
      scope: 'openid',
      ...(!desk.faults.noIdToken && { id_token: await idToken(grant, desk, issuer, keys) }),
    }
  })

  const userinfo = (ctx: Context) => {
    const { citizen } = bearerGrant(ctx, desk, 'oidc')
    ctx.set('Cache-Control', 'no-store')
    ctx.body = {
      sub: desk.faults.wrongUserinfoSub ? randomUUID() : citizen.sub,
      ...releasedClaims(desk, citizen),
    }
  }
  router.get('/oidc/userinfo', userinfo).post('/oidc/userinfo', userinfo)

  router.get('/oidc/logout', async (ctx) => {
    const query = new URLSearchParams(ctx.querystring)
    const hint = query.get('id_token_hint')
    // An expired hint is accepted (OpenID Connect RP-Initiated Logout §2).
    if (hint !== null) {
      await compactVerify(hint, keys.publicKey).catch(() => {
        throw new Refusal(400, 'invalid_request', 'id_token_hint was not issued by this issuer')
      })
    }
    const clientId = query.get('client_id') ?? (hint === null ? '' : decodeJwt(hint).aud)
    if (hint !== null && decodeJwt(hint).aud !== clientId) {
      throw new Refusal(400, 'invalid_request', 'id_token_hint was issued to another client')
    }
    const returnTo = query.get('post_logout_redirect_uri')
    if (returnTo === null) {
      ctx.type = 'html'
      ctx.body = signedOutPage().toString()
      return
    }
    if (!desk.clients.get(String(clientId))?.postLogoutRedirectUris?.includes(returnTo)) {
      throw new Refusal(400, 'invalid_request', 'post_logout_redirect_uri is not registered')
    }
    sendTo(ctx, returnTo, encode({ state: query.get('state') }))
  })
}

interface Parts {
  router: Router
  desk: Desk
  issuer: string
  keys: SigningKeys
}

async function authorization(ctx: Context, desk: Desk, issuer: string): Promise<void> {
  const query = new URLSearchParams(ctx.querystring)
  const { client, redirectUri } = knownReturn(desk, query)
  const iss = desk.faults.wrongResponseIssuer ? 'https://other.example' : issuer
  const answer = (fields: Record<string, string | undefined>) =>
    sendTo(ctx, redirectUri, encode({ ...fields, state: query.get('state'), iss }))
  const error = requestFault(query)
  if (error !== undefined) return answer({ error })
  const outcome = await meetCitizen(ctx, desk)
  if (outcome === undefined) return
  if ('error' in outcome) return answer(outcome)
  const code = desk.codes.put({
    dialect: 'oidc',
    clientId: client.clientId,
    redirectUri,
    citizen: outcome.citizen,
    authTime: now(),
    nonce: query.get('nonce') ?? undefined,
    codeChallenge: query.get('code_challenge') ?? undefined,
  })
  answer({ code })
}

/** The OAuth error of an invalid request, to be sent to its redirect_uri; undefined if it is valid. */
function requestFault(query: URLSearchParams): string | undefined {
  if (new Set(query.keys()).size !== [...query.keys()].length) return 'invalid_request'
  if (query.has('request')) return 'request_not_supported'
  if (query.has('request_uri')) return 'request_uri_not_supported'
  if (query.get('response_type') !== 'code') return 'unsupported_response_type'
  if (!query.get('scope')?.split(' ').includes('openid')) return 'invalid_scope'
  if (!/^\d+$/.test(query.get('max_age') ?? '0')) return 'invalid_request'
  const challenge = query.get('code_challenge')
  if (challenge === null && query.has('code_challenge_method')) return 'invalid_request'
  if (challenge !== null) {
    if (query.get('code_challenge_method') !== 'S256') return 'invalid_request'
    if (!/^[\w-]{43}$/.test(challenge)) return 'invalid_request'
  }
  // The simulator keeps no session, so `prompt=none` always fails.
  if (query.get('prompt')?.split(' ').includes('none')) return 'login_required'
  return undefined
}

async function idToken(grant: Grant, desk: Desk, issuer: string, keys: SigningKeys): Promise<string> {
  const { faults } = desk
  const iat = now() - (faults.expiredIdToken ? 7200 : 0)
  const claims = {
    iss: faults.wrongIssuer ? 'https://other.example' : issuer,
    sub: grant.citizen.sub,
    aud: faults.wrongAudience ? 'another-client' : grant.clientId,
    iat,
    exp: iat + 300,
    ...(!faults.noAuthTime && { auth_time: grant.authTime - (faults.staleAuthTime ? 86_400 : 0) }),
    ...(grant.nonce !== undefined && { nonce: faults.wrongNonce ? 'another-nonce' : grant.nonce }),
    ...(!faults.leanIdToken && releasedClaims(desk, grant.citizen)),
  }
  if (faults.algNone) return new UnsecuredJWT(claims).encode()
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: keys.alg, typ: 'JWT', kid: keys.jwk.kid })
    .sign(faults.unknownKey ? keys.stranger : keys.privateKey)
}

function challengeOf(verifier: string | null): string | undefined {
  return verifier === null ? undefined : createHash('sha256').update(verifier).digest('base64url')
}

function encode(fields: Record<string, string | null | undefined>): string {
  const given = Object.entries(fields).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return new URLSearchParams(given).toString()
}

const describe = (issuer: string, alg: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/oidc/authorize`,
  token_endpoint: `${issuer}/oidc/token`,
  userinfo_endpoint: `${issuer}/oidc/userinfo`,
  end_session_endpoint: `${issuer}/oidc/logout`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code'],
  scopes_supported: ['openid'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [alg],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
})
