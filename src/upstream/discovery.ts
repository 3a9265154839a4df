/** Finds the issuer's endpoints, by OpenID Connect Discovery 1.0 or from settings. */
import { allowInsecureRequests, customFetch, discovery } from 'openid-client'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { OutgoingError, type Transport } from '../net/outgoing.ts'
import { unavailable } from './call.ts'
import { invalidAnswer } from './identity.ts'

export interface Endpoints {
  readonly authorization: string
  readonly token: string
  readonly userinfo: string | undefined
  readonly jwks: string
  readonly endSession: string | undefined
  /** True if the issuer's answers always carry `iss` (RFC 9207 §3). */
  readonly saysIssuer: boolean
}

/** The endpoints; those given as settings override the published ones. @throws BrokerError */
export async function describe(
  config: Config['upstream'],
  issuer: string,
  transport: Transport,
): Promise<Endpoints> {
  const found = config.discovery
    ? await discover(config, issuer, transport).catch((error: unknown) => {
        throw translate(error)
      })
    : undefined
  const need = (name: string, address: string | undefined) => {
    if (address === undefined) throw invalidAnswer(`discovery: ${name}`)
    return address
  }
  return {
    authorization: need(
      'authorization_endpoint',
      config.authorizationEndpoint ?? found?.authorization_endpoint,
    ),
    token: need('token_endpoint', config.tokenEndpoint ?? found?.token_endpoint),
    userinfo: config.userinfoEndpoint ?? found?.userinfo_endpoint,
    jwks: need('jwks_uri', config.jwksUri ?? found?.jwks_uri),
    endSession: config.endSessionEndpoint ?? found?.end_session_endpoint,
    saysIssuer: found?.authorization_response_iss_parameter_supported ?? false,
  }
}

async function discover(config: Config['upstream'], issuer: string, transport: Transport) {
  const client = await discovery(new URL(issuer), config.clientId, undefined, undefined, {
    [customFetch]: async (url, init) => {
      const answer = await transport(url, init)
      if (answer.status >= 500) throw new OutgoingError('network', new URL(url), `status ${answer.status}`)
      return answer
    },
    timeout: config.timeout,
    // `config/config.ts` allows http only on loopback.
    execute: issuer.startsWith('http:') ? [allowInsecureRequests] : [],
  })
  const published = client.serverMetadata()
  // Must be equal exactly (§4.3), because the ID token's `iss` is compared with it.
  if (published.issuer !== issuer) throw invalidAnswer('discovery: issuer')
  return published
}

/** Converts openid-client's errors. They hold whole bodies, so we keep only the status or the name of the check. */
function translate(error: unknown): unknown {
  if (error instanceof BrokerError) return error
  const cause = error instanceof Error ? error.cause : undefined
  const outgoing = [error, cause].find((one) => one instanceof OutgoingError)
  if (outgoing !== undefined) return unavailable(outgoing)
  return invalidAnswer(`discovery: ${cause instanceof Response ? `status ${cause.status}` : 'malformed'}`)
}
