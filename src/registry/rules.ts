/** Rules between fields of a relying party's metadata. */
import type { z } from 'zod'
import { scopeNames } from './scopes.ts'
import type { ClientMetadata } from './metadata.ts'
import { nearest } from './nearest.ts'
import { isHttps, notHttps, redirectUri } from './schema-parts.ts'

type Tell = (path: readonly (string | number)[], message: string) => void

function checkGrants(client: ClientMetadata, fault: Tell): void {
  const code = client.grant_types.includes('authorization_code')
  if (client.grant_types.includes('refresh_token') && !code)
    fault(['grant_types'], 'has refresh_token without authorization_code; add authorization_code')
  else if (code && client.redirect_uris.length === 0)
    fault(['redirect_uris'], 'is empty; add the URL to which citizens return')
  else if (!code && client.redirect_uris.length > 0)
    fault(
      ['redirect_uris'],
      'is only for the authorization code grant; remove it, or add authorization_code to grant_types',
    )
  if (client.grant_types.includes('client_credentials') && client.token_endpoint_auth_method === 'none')
    fault(
      ['grant_types'],
      'has client_credentials, but a public client cannot authenticate; remove it, or choose another token_endpoint_auth_method',
    )
}

function checkKeys(client: ClientMetadata, fault: Tell): void {
  const method = client.token_endpoint_auth_method
  const keys = client.jwks !== undefined || client.jwks_uri !== undefined
  const encrypted = client.id_token_encrypted_response_alg ?? client.userinfo_encrypted_response_alg
  if (client.jwks !== undefined && client.jwks_uri !== undefined)
    fault(['jwks'], 'cannot be combined with jwks_uri; remove one of the two')
  if (keys) return
  if (method === 'private_key_jwt')
    fault(['jwks'], 'is missing, but private_key_jwt needs a key; add jwks or jwks_uri')
  else if (encrypted !== undefined)
    fault(['jwks'], 'is missing, but encrypted answers need a key; add jwks or jwks_uri')
  else if (client.request_object_signing_alg !== undefined)
    fault(['jwks'], 'is missing, but signed requests need a key; add jwks or jwks_uri')
}

function checkAddresses(client: ClientMetadata, fault: Tell): void {
  for (const name of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const [index, uri] of client[name].entries()) {
      const webOnly = client.application_type === 'web' || /^https?:/i.test(uri)
      // An invalid URL is already reported by the schema.
      if (webOnly && redirectUri.safeParse(uri).success && !isHttps(uri)) fault([name, index], notHttps)
    }
  }
  if (client.subject_type !== 'pairwise' || client.sector_identifier_uri !== undefined) return
  const hosts = new Set(client.redirect_uris.map((uri) => URL.parse(uri)?.host))
  // In a custom scheme or on loopback the host identifies no app: another app may use the same one. A web portal on
  // loopback is only a test.
  const isNobodys = (uri: string) => client.application_type === 'native' && !/^https:/i.test(uri)
  if (hosts.size > 1)
    fault(
      ['sector_identifier_uri'],
      'is missing, but redirect_uris have different hosts (OIDC Core §8.1); add it',
    )
  else if (client.redirect_uris.some(isNobodys))
    fault(
      ['sector_identifier_uri'],
      "is missing, but redirect_uris have no host of the app's own; add an https URL of its owner",
    )
}

function checkAnswers(client: ClientMetadata, fault: Tell): void {
  for (const scope of new Set(client.scope.split(' '))) {
    if (scopeNames.includes(scope)) continue
    const near = nearest(scope, scopeNames)
    fault(
      ['scope'],
      `has an unknown scope; ${near === undefined ? `use only: ${scopeNames.join(' ')}` : `write ${near}`}`,
    )
  }
  for (const answer of ['id_token', 'userinfo'] as const) {
    const {
      [`${answer}_encrypted_response_alg` as const]: alg,
      [`${answer}_encrypted_response_enc` as const]: enc,
    } = client
    if (enc !== undefined && alg === undefined)
      fault([`${answer}_encrypted_response_alg`], 'is missing, but its enc is set; add it, or remove the enc')
    if (alg !== undefined && client[`${answer}_signed_response_alg`] === undefined)
      fault([`${answer}_signed_response_alg`], 'is missing, but encrypted answers are signed first; add it')
  }
  if (
    client.token_endpoint_auth_signing_alg !== undefined &&
    client.token_endpoint_auth_method !== 'private_key_jwt'
  )
    fault(['token_endpoint_auth_signing_alg'], 'is for private_key_jwt only; remove it')
}

function checkProfile(client: ClientMetadata, fault: Tell): void {
  const exemption = ['policy', 'pkce_exemption']
  const { policy, token_endpoint_auth_method: method } = client
  if (policy.pkce_exemption !== undefined && method === 'none')
    fault(exemption, 'is for confidential clients only; remove it: a public client needs PKCE')
  if (policy.profile !== 'fapi2') return
  // FAPI 2.0 Security Profile §5.3.2.
  if (method !== 'private_key_jwt')
    fault(['token_endpoint_auth_method'], 'is too weak for the fapi2 profile; write private_key_jwt')
  for (const name of ['require_pushed_authorization_requests', 'dpop_bound_access_tokens'] as const)
    if (client[name] !== true) fault([name], 'is not set, but the fapi2 profile requires it; write true')
  if (client.id_token_signed_response_alg === 'RS256')
    fault(['id_token_signed_response_alg'], 'is too weak for the fapi2 profile; write ES256 or EdDSA')
  if (policy.pkce_exemption !== undefined && method !== 'none')
    fault(exemption, 'is not allowed in the fapi2 profile; remove it')
}

export function checkWhole(client: ClientMetadata, context: z.RefinementCtx): void {
  const fault: Tell = (path, message) => context.addIssue({ code: 'custom', path: [...path], message })
  for (const check of [checkGrants, checkKeys, checkAddresses, checkAnswers, checkProfile])
    check(client, fault)
}
