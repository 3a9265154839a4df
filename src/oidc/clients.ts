/**
 * What a registered relying party may be. Metadata carries the standard names (OIDC Dynamic Client
 * Registration 1.0 §2, RFC 9126 §6, RFC 9449 §5.2); everything of our own is in `policy`.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Client } from 'oidc-provider'
import { z } from 'zod'
import { parseNetworks } from '../outgoing.ts'
import { scopeNames } from './claims.ts'

/** What we accept from portals; nothing symmetric, for we keep no secret in clear. */
export const asymmetric = ['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'] as const
const signing = ['ES256', 'RS256', 'EdDSA'] as const
export const keyManagement = ['ECDH-ES', 'RSA-OAEP', 'RSA-OAEP-256'] as const
const contentEncryption = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const

const httpsUrl = z.url().refine((text) => {
  const url = URL.parse(text)
  return (
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
  )
}, 'must be https (http only on loopback)')
const redirectUri = z
  .string()
  .refine(
    (text) =>
      URL.parse(text) !== null &&
      !text.includes('#') &&
      !/^(javascript|vbscript|data|blob|file|about):/i.test(text),
    {
      message: 'must be an absolute address without fragment',
    },
  )
const network = z.string().refine((text) => {
  try {
    return parseNetworks([text]) !== undefined
  } catch {
    return false
  }
}, 'must be a network such as 10.1.0.0/16')

const day = z.iso.date()
const lockDates = z.strictObject({ grace: day.optional(), locked: day.optional() })

/** How this portal's legacy accounts may become links (`mapping/linking.ts`). */
const mappingSchema = z.strictObject({
  /** An equal number that was never attested links all the same when name and birth date agree. */
  unattested_match: z.boolean().default(false),
  /** From when the portal's word counts for less (grace) and for nothing (locked); absent: the law's dates. */
  lock: z
    .strictObject({
      citizen: lockDates.optional(),
      organisation: lockDates.optional(),
      foreigner: lockDates.optional(),
    })
    .prefault({}),
  /** A written exception: until that day, a late-comer's request goes to review instead of being refused. */
  latecomers: z.strictObject({ reference: z.string().min(3), until: day }).optional(),
})

/** What may be asked of whom, by agreement (Decree 69/2024 art. 18–19). */
const policySchema = z.strictObject({
  /** Who may sign in. */
  kinds: z
    .array(z.enum(['citizen', 'foreigner', 'organisation', 'representative']))
    .min(1)
    .default(['citizen']),
  /** Lowest VNeID level of a person; organisations have none. */
  minimum_level: z.union([z.literal(1), z.literal(2)]).default(1),
  /** Whether a session begun at another portal will do without a new trip to VNeID. */
  session_reuse: z.boolean().default(true),
  /** Seconds after which this portal wants a new trip to VNeID in any case. */
  session_max_age: z.number().int().positive().optional(),
  /** The only claims released of those that the scopes give; absent: all of the scopes. */
  claims: z.array(z.string()).optional(),
  /** Show a page that names the portal before the citizen goes to VNeID. */
  notice: z.boolean().default(false),
  /** Software that cannot do PKCE: an audited exception of one confidential client, with its reason. */
  pkce_exemption: z.string().min(10, 'must give the reason').optional(),
  profile: z.enum(['baseline', 'fapi2']).default('baseline'),
  /** Private networks in which this portal's `jwks_uri` and `backchannel_logout_uri` may lie. */
  private_networks: z.array(network).default([]),
  /** Origins of single-page applications beside those of the redirect URIs. */
  allowed_origins: z.array(httpsUrl).default([]),
  /** The official code of the province whose portal this is; absent: a ministry's. */
  province: z
    .string()
    .regex(/^\d{2}$/, 'must be two digits')
    .optional(),
  mapping: mappingSchema.prefault({}),
})
export type ClientPolicy = z.output<typeof policySchema>

const metadataSchema = z.strictObject({
  client_id: z.string().regex(/^[a-z0-9][a-z0-9._-]{2,63}$/, 'must be 3 to 64 of a-z 0-9 . _ -'),
  client_name: z.string().min(1).max(200),
  client_uri: httpsUrl.optional(),
  contacts: z.array(z.email()).optional(),
  application_type: z.enum(['web', 'native']).default('web'),
  redirect_uris: z.array(redirectUri).default([]),
  post_logout_redirect_uris: z.array(redirectUri).default([]),
  grant_types: z
    .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials']))
    .min(1)
    .default(['authorization_code']),
  scope: z.string().default('openid profile'),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .default('client_secret_basic'),
  token_endpoint_auth_signing_alg: z.enum(asymmetric).optional(),
  client_secret: z.string().min(32, 'must be at least 32 random characters').optional(),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']) })).min(1) }).optional(),
  jwks_uri: httpsUrl.optional(),
  subject_type: z.enum(['pairwise', 'public']).default('pairwise'),
  sector_identifier_uri: httpsUrl.optional(),
  id_token_signed_response_alg: z.enum(signing).default('ES256'),
  id_token_encrypted_response_alg: z.enum(keyManagement).optional(),
  id_token_encrypted_response_enc: z.enum(contentEncryption).optional(),
  userinfo_signed_response_alg: z.enum(signing).optional(),
  userinfo_encrypted_response_alg: z.enum(keyManagement).optional(),
  userinfo_encrypted_response_enc: z.enum(contentEncryption).optional(),
  request_object_signing_alg: z.enum(asymmetric).optional(),
  require_signed_request_object: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  default_max_age: z.number().int().nonnegative().optional(),
  require_auth_time: z.boolean().optional(),
  backchannel_logout_uri: httpsUrl.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  policy: policySchema.prefault({}),
})

export const clientSchema = metadataSchema.superRefine((client, context) => {
  const fault = (path: keyof typeof client, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message })
  const method = client.token_endpoint_auth_method
  const code = client.grant_types.includes('authorization_code')
  const keys = client.jwks !== undefined || client.jwks_uri !== undefined

  if (code && client.redirect_uris.length === 0) fault('redirect_uris', 'must name at least one address')
  if (!code && client.redirect_uris.length > 0)
    fault('redirect_uris', 'are only for the authorization code grant')
  if (client.grant_types.includes('refresh_token') && !code)
    fault('grant_types', 'refresh_token needs authorization_code')
  if (client.grant_types.includes('client_credentials') && method === 'none') {
    fault('grant_types', 'client_credentials needs a confidential client')
  }
  if (method === 'private_key_jwt' && !keys) fault('jwks', 'private_key_jwt needs jwks or jwks_uri')
  if (client.jwks !== undefined && client.jwks_uri !== undefined)
    fault('jwks', 'either jwks or jwks_uri, not both')
  if (client.client_secret !== undefined && !method.startsWith('client_secret')) {
    fault('client_secret', `is not used by ${method}`)
  }
  if (client.token_endpoint_auth_signing_alg !== undefined && method !== 'private_key_jwt') {
    fault('token_endpoint_auth_signing_alg', 'is for private_key_jwt only')
  }
  for (const name of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const uri of client[name]) {
      const webOnly = client.application_type === 'web' || /^https?:/i.test(uri)
      if (webOnly && !httpsUrl.safeParse(uri).success) fault(name, 'must be https (http only on loopback)')
    }
  }
  for (const scope of client.scope.split(' ')) {
    if (!scopeNames.includes(scope))
      fault('scope', `knows no ${JSON.stringify(scope)}; known: ${scopeNames.join(' ')}`)
  }
  const encrypted = client.id_token_encrypted_response_alg ?? client.userinfo_encrypted_response_alg
  if (encrypted !== undefined && !keys) fault('jwks', 'encrypted answers need a key in jwks or jwks_uri')
  if (client.request_object_signing_alg !== undefined && !keys)
    fault('jwks', 'signed requests need a key in jwks or jwks_uri')
  for (const answer of ['id_token', 'userinfo'] as const) {
    const {
      [`${answer}_encrypted_response_alg` as const]: alg,
      [`${answer}_encrypted_response_enc` as const]: enc,
    } = client
    if (enc !== undefined && alg === undefined)
      fault(`${answer}_encrypted_response_alg`, 'is needed beside its enc')
    if (alg !== undefined && client[`${answer}_signed_response_alg`] === undefined) {
      fault(`${answer}_signed_response_alg`, 'is needed: what is encrypted is signed first')
    }
  }
  // An app's own scheme has no host, and all such apps would be one sector.
  const hosts = new Set(client.redirect_uris.map((uri) => URL.parse(uri)?.host))
  const severalOrNone = hosts.size > 1 || hosts.has('')
  if (client.subject_type === 'pairwise' && severalOrNone && client.sector_identifier_uri === undefined) {
    fault('sector_identifier_uri', 'is needed unless redirect_uris have one host (OIDC Core §8.1)')
  }
  if (client.policy.pkce_exemption !== undefined && method === 'none') {
    fault('policy', 'pkce_exemption is for confidential clients only')
  }
  if (client.policy.profile === 'fapi2') {
    // FAPI 2.0 Security Profile §5.3.2.
    if (method !== 'private_key_jwt')
      fault('token_endpoint_auth_method', 'must be private_key_jwt in the fapi2 profile')
    if (client.require_pushed_authorization_requests !== true) {
      fault('require_pushed_authorization_requests', 'must be true in the fapi2 profile')
    }
    if (client.dpop_bound_access_tokens !== true)
      fault('dpop_bound_access_tokens', 'must be true in the fapi2 profile')
    if (client.id_token_signed_response_alg === 'RS256') {
      fault('id_token_signed_response_alg', 'must be ES256 or EdDSA in the fapi2 profile')
    }
    if (client.policy.pkce_exemption !== undefined)
      fault('policy', 'pkce_exemption contradicts the fapi2 profile')
  }
})
export type ClientMetadata = z.output<typeof clientSchema>

/** Secrets are long and random, so one round of SHA-256 keeps them: there is nothing to guess. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** The engine's client, with our policy beside it. */
export const policyOf = (client: Client): ClientPolicy => client['policy'] as ClientPolicy

/** The engine is given the hash in the secret's place. */
export const isSecretOf = (client: Client, presented: string): boolean =>
  timingSafeEqual(hashSecret(presented), Buffer.from(client.clientSecret ?? '', 'base64url'))
