/**
 * A relying party's metadata with the standard names (OIDC Dynamic Client Registration 1.0 §2, RFC 9126 §6,
 * RFC 9449 §5.2). All fields of our own are in `policy`.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { z } from 'zod'
import { scopeNames } from './scopes.ts'
import { policySchema } from './policy-schema.ts'
import { email, httpsUrl, matching, redirectUri, words } from './schema-parts.ts'

/** Signature algorithms that we accept from portals. No symmetric ones, because we store only hashes of secrets. */
export const asymmetric = ['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'] as const
const signing = ['ES256', 'RS256', 'EdDSA'] as const
export const keyManagement = ['ECDH-ES', 'RSA-OAEP', 'RSA-OAEP-256'] as const
const contentEncryption = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const

/** The private members of a JWK (RFC 7518 §6). */
export const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

const jwk = z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']) }).superRefine((key, context) => {
  const part = privateParts.find((name) => name in key)
  if (part !== undefined) context.addIssue({ code: 'custom', path: [part], message: privateKey })
  else if (!isPublicKey(key))
    context.addIssue({
      code: 'custom',
      message: 'is not a valid public key; copy the complete JWK of the portal',
    })
})
export const privateKey =
  'is a private key; remove it, and let the portal generate a new key pair: this one is compromised'

function isPublicKey(key: JsonWebKey): boolean {
  try {
    return createPublicKey({ format: 'jwk', key }).type === 'public'
  } catch {
    return false
  }
}

/** Client id of the operators' console (`oidc/console.ts`). */
const reserved = 'operator-console'

export const metadataSchema = z.strictObject({
  client_id: matching(
    /^[a-z0-9][a-z0-9._-]{2,63}$/,
    'is not a valid id; write 3 to 64 of a-z 0-9 . _ -, starting with a letter or digit',
  )
    .refine((id) => id !== reserved, 'is reserved for the broker; choose another id')
    .meta({ not: { const: reserved } }),
  client_name: words(1, 200),
  client_uri: httpsUrl.optional(),
  contacts: z.array(email).optional(),
  application_type: z.enum(['web', 'native']).default('web'),
  redirect_uris: z.array(redirectUri).default([]),
  post_logout_redirect_uris: z.array(redirectUri).default([]),
  grant_types: z
    .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials']))
    .min(1)
    .default(['authorization_code']),
  scope: z
    .string()
    .default('openid profile')
    .meta({ description: `Names separated by spaces, of ${scopeNames.join(', ')}.` }),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .default('client_secret_basic'),
  token_endpoint_auth_signing_alg: z.enum(asymmetric).optional(),
  jwks: z.object({ keys: z.array(jwk).min(1) }).optional(),
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
export type ClientMetadata = z.output<typeof metadataSchema>
