/** Authenticates the client at the token endpoint: client_secret_basic, client_secret_post or private_key_jwt. */
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import type { Context } from 'koa'
import { type Desk, Refusal, shortLived, type SimulatorClient } from './desk.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const refused = (why: string) => new Refusal(401, 'invalid_client', why)

export function createClientCheck({ desk, audiences }: { desk: Desk; audiences: string[] }) {
  const seen = shortLived<true>(600)

  async function byAssertion(assertion: string): Promise<SimulatorClient> {
    const client = desk.clients.get(subjectOf(assertion))
    if (client?.jwks === undefined) throw refused('no keys for this client')
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(client.jwks), {
      issuer: client.clientId,
      subject: client.clientId,
      audience: audiences,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      requiredClaims: ['exp', 'jti'],
    }).catch(() => {
      throw refused('client_assertion is not valid')
    })
    const use = `${client.clientId} ${payload.jti}`
    if (seen.find(use)) throw refused('jti was used before')
    // Used `jti`s are kept for this time; a replay after it would not be noticed.
    if ((payload.exp ?? 0) > Date.now() / 1000 + seen.seconds)
      throw refused('client_assertion must expire within 600 seconds')
    seen.put(true, use)
    return client
  }

  return async (ctx: Context, form: URLSearchParams): Promise<SimulatorClient> => {
    const authorization = ctx.get('authorization')
    const assertion = form.get('client_assertion')
    const methods = [authorization !== '', form.has('client_secret'), assertion !== null].filter(Boolean)
    if (methods.length !== 1)
      throw new Refusal(400, 'invalid_request', 'the client must authenticate by exactly one method')
    if (assertion !== null) {
      if (form.get('client_assertion_type') !== assertionType)
        throw refused('client_assertion_type is not supported')
      return await byAssertion(assertion)
    }
    const [id, secret] =
      authorization === '' ? [form.get('client_id'), form.get('client_secret')] : basic(authorization)
    return bySecret(desk, id, secret)
  }
}

export function bySecret(
  desk: Desk,
  id: string | null | undefined,
  secret: string | null | undefined,
): SimulatorClient {
  const client = desk.clients.get(id ?? '')
  if (client?.clientSecret === undefined || client.clientSecret !== secret)
    throw refused('wrong client or secret')
  return client
}

function subjectOf(assertion: string): string {
  try {
    return decodeJwt(assertion).sub ?? ''
  } catch {
    throw refused('client_assertion is not a JWT')
  }
}

/** Both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
function basic(authorization: string): (string | undefined)[] {
  const pair = Buffer.from(/^Basic (\S+)$/i.exec(authorization)?.[1] ?? '', 'base64').toString()
  const colon = pair.indexOf(':')
  try {
    return [pair.slice(0, colon), pair.slice(colon + 1)].map((part) =>
      decodeURIComponent(part.replaceAll('+', ' ')),
    )
  } catch {
    throw refused('malformed Authorization')
  }
}
