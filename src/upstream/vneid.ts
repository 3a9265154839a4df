/**
 * The `vneid` dialect, VNeID's direct interface as implementers report it: OAuth 2 without ID token, nonce, PKCE or
 * discovery, with code and bodies in an envelope. Only TLS to the configured hosts proves the origin; anything unexpected
 * is refused.
 */
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { createCaller, type OutgoingInit } from '../net/outgoing.ts'
import { callForJson, unavailable, watchCall } from './call.ts'
import { codeOf, readCallback } from './callback.ts'
import type { Callback } from './callback.ts'
import { createEnvelope } from './envelope.ts'
import { invalidAnswer, toIdentity } from './identity.ts'
import { remember } from './remember.ts'
import type { Upstream } from './upstream.ts'

/** Token response (RFC 6749 §5.1). The access token has the form that RFC 6750 §2.1 allows in a header. */
const tokenAnswer = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9\-._~+/]{1,8192}=*$/),
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .optional(),
})
const accept = { accept: 'application/json' }
const userinfoAnswer = z.record(z.string().max(64), z.unknown())
/** A code as RFC 6749 Appendix A.11 allows it. */
const plainCode = /^[\x20-\x7e]{1,2048}$/
/**
 * A code within an envelope. No JSON fits: otherwise a caller could have us open a body that was stolen from another
 * sign-in, and learn its text from what happens next.
 */
const envelopedCode = /^[A-Za-z0-9\-._~+/=]{8,512}$/

interface Options {
  config: Config['upstream']
  /** Seconds since the epoch. */
  now?: () => number
}

export function openVneidUpstream({ config, now = () => Math.floor(Date.now() / 1000) }: Options): Upstream {
  const endpoint = {
    authorization: required(config.authorizationEndpoint),
    token: required(config.tokenEndpoint),
    userinfo: required(config.userinfoEndpoint),
  }
  const clientSecret = required(config.clientSecret)
  const envelope =
    config.envelope === 'none' ? undefined : createEnvelope(config.envelope, required(config.envelopeKey))
  const caller = createCaller({ ca: config.ca, timeout: config.timeout })

  const call = async (step: 'token' | 'userinfo', init: OutgoingInit): Promise<unknown> => {
    const body = await callForJson(caller, step, endpoint[step], init)
    // With an envelope configured, never accept a plain body.
    return envelope === undefined ? body : envelope.openBody(body)
  }

  const unwrapCode = (callback: Callback): string => {
    const code = codeOf(callback)
    const key = callback.encrypt_key
    if ((envelope === undefined) !== (key === undefined)) throw invalidAnswer('callback: encrypt_key')
    if (envelope === undefined || key === undefined) {
      if (!plainCode.test(code)) throw invalidAnswer('callback: code malformed')
      return code
    }
    const plain = envelope.open(code, key)
    if (!envelopedCode.test(plain)) throw invalidAnswer('envelope')
    return plain
  }

  const ready = remember(async () => {
    // Any status is enough: it proves that DNS, route, allow-list and certificate work.
    await watchCall('ready', () =>
      caller(new URL(endpoint.token).origin, { method: 'HEAD' }).catch((error: unknown) => {
        throw unavailable(error)
      }),
    )
  }, 30)

  return {
    async begin({ state }, { level }) {
      const url = new URL(endpoint.authorization)
      const acrValues = level === undefined ? undefined : config.acrValues?.[level]
      const parameters = {
        response_type: 'code',
        client_id: config.clientId,
        redirect_uri: config.redirectUri,
        scope: config.scope,
        state,
        ...(acrValues !== undefined && { acr_values: acrValues }),
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },

    async complete(query, transaction) {
      const callback = readCallback(query, transaction.state)
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code: unwrapCode(callback),
        redirect_uri: config.redirectUri,
        client_id: config.clientId,
        client_secret: clientSecret,
        ...(callback.encrypt_key !== undefined && { encrypt_key: callback.encrypt_key }),
      })
      const token = tokenAnswer.safeParse(
        await call('token', { method: 'POST', headers: accept, body: form }),
      )
      if (!token.success) throw invalidAnswer('token: schema')
      const authorization = `Bearer ${token.data.access_token}`
      const claims = userinfoAnswer.safeParse(
        await call('userinfo', { headers: { ...accept, authorization } }),
      )
      if (!claims.success) throw invalidAnswer('userinfo: schema')
      // This dialect has no session to reuse and no `auth_time`, so every trip is a new authentication and satisfies maxAge.
      return toIdentity(claims.data, now(), config)
    },

    async end({ state, returnTo }) {
      if (config.endSessionEndpoint === undefined) return undefined
      const url = new URL(config.endSessionEndpoint)
      url.searchParams.set('client_id', config.clientId)
      url.searchParams.set('post_logout_redirect_uri', returnTo)
      url.searchParams.set('state', state)
      return url.href
    },

    ready,
  }
}

function required(setting: string | undefined): string {
  // `config/config.ts` reports a missing setting by name. This check is only for the type.
  if (setting === undefined) throw new TypeError('a setting that the vneid dialect requires is missing')
  return setting
}
