/** Definitions that the registry refuses, because sign-ins at the portal would fail. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { clientSchema } from '../../src/registry/clients.ts'
import { openRegistry } from '../../src/registry/registry.ts'
import type { Db } from '../../src/store/db.ts'
import { opener, signer } from '../support/keys.ts'
import { portalDefinition } from '../support/world.ts'

const keyed = {
  client_secret: undefined,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: (await signer()).jwks,
}
const fapi = { ...keyed, require_pushed_authorization_requests: true, dpop_bound_access_tokens: true }
const sealed = { jwks: (await opener()).jwks }
const app = { application_type: 'native' }

const refused: [why: string, fault: string, changes: Record<string, unknown>][] = [
  ['an unknown field', 'definition', { redirect_uri: 'https://a.example/cb' }],
  ['a network that is none', 'policy.private_networks.0', { policy: { private_networks: ['10.0.0.0/8/9'] } }],
  ['a short secret', 'client_secret', { client_secret: 'short' }],
  ['an address over plain http', 'redirect_uris.0', { redirect_uris: ['http://portal.example/cb'] }],
  ['an address with a fragment', 'redirect_uris.0', { redirect_uris: ['https://portal.example/cb#x'] }],
  ['an address that runs script', 'redirect_uris.0', { ...app, redirect_uris: ['javascript:alert(1)'] }],
  [
    'a way out over plain http',
    'post_logout_redirect_uris.0',
    { post_logout_redirect_uris: ['http://portal.example/bye'] },
  ],
  [
    'an app that returns over plain http',
    'redirect_uris.0',
    { ...app, redirect_uris: ['http://app.example/cb'] },
  ],
  [
    'an app of its own scheme without a sector',
    'sector_identifier_uri',
    { ...app, redirect_uris: ['vn.example.app:/cb'] },
  ],
  ...(['vn.gov.example://callback', 'http://127.0.0.1/cb', 'http://localhost:4000/cb'] as const).map(
    (uri): [string, string, Record<string, unknown>] => [
      `an app without a sector, whose host any other app may have (${uri})`,
      'sector_identifier_uri',
      { ...app, redirect_uris: [uri] },
    ],
  ),
  [
    'several hosts without a sector',
    'sector_identifier_uri',
    { redirect_uris: ['https://a.example/', 'https://b.example/'] },
  ],
  ['a signed assertion without a key', 'jwks', { ...keyed, jwks: undefined }],
  ['a secret that nobody uses', 'client_secret', { token_endpoint_auth_method: 'none' }],
  [
    'an assertion algorithm without assertions',
    'token_endpoint_auth_signing_alg',
    { token_endpoint_auth_signing_alg: 'ES256' },
  ],
  ['HS256 for an ID token', 'id_token_signed_response_alg', { id_token_signed_response_alg: 'HS256' }],
  ['no signature on a request', 'request_object_signing_alg', { request_object_signing_alg: 'none' }],
  ['a signed request without a key', 'jwks', { request_object_signing_alg: 'ES256' }],
  ['an encrypted ID token without a key', 'jwks', { id_token_encrypted_response_alg: 'ECDH-ES' }],
  [
    'an encryption without its key management',
    'id_token_encrypted_response_alg',
    { ...sealed, id_token_encrypted_response_enc: 'A256GCM' },
  ],
  [
    'userinfo encrypted but not signed',
    'userinfo_signed_response_alg',
    { ...sealed, userinfo_encrypted_response_alg: 'ECDH-ES' },
  ],
  ['a scope nobody has', 'scope', { scope: 'openid everything' }],
  ['the implicit grant', 'grant_types.0', { grant_types: ['implicit'] }],
  [
    'a public client that acts for itself',
    'grant_types',
    { client_secret: undefined, token_endpoint_auth_method: 'none', grant_types: ['client_credentials'] },
  ],
  [
    'a PKCE exemption of a public client',
    'policy.pkce_exemption',
    {
      client_secret: undefined,
      token_endpoint_auth_method: 'none',
      policy: { pkce_exemption: 'software of 2009' },
    },
  ],
  [
    'FAPI 2.0 with a secret',
    'token_endpoint_auth_method',
    { ...fapi, token_endpoint_auth_method: 'client_secret_basic', policy: { profile: 'fapi2' } },
  ],
  [
    'FAPI 2.0 without pushed requests',
    'require_pushed_authorization_requests',
    { ...fapi, require_pushed_authorization_requests: false, policy: { profile: 'fapi2' } },
  ],
  [
    'FAPI 2.0 without bound tokens',
    'dpop_bound_access_tokens',
    { ...fapi, dpop_bound_access_tokens: false, policy: { profile: 'fapi2' } },
  ],
  [
    'FAPI 2.0 with RS256',
    'id_token_signed_response_alg',
    { ...fapi, id_token_signed_response_alg: 'RS256', policy: { profile: 'fapi2' } },
  ],
]
for (const [why, fault, changes] of refused) {
  test(`the registry refuses ${why}`, () => {
    const { error } = clientSchema.safeParse(portalDefinition('portal', changes))
    expect(error?.issues.map(({ path }) => path.join('.') || 'definition')).toContain(fault)
  })
}

test('the registry accepts a portal, an app and a FAPI 2.0 client', () => {
  const taken = [
    {},
    fapi,
    { ...fapi, policy: { profile: 'fapi2' } },
    {
      ...app,
      redirect_uris: ['vn.example.app:/cb'],
      sector_identifier_uri: 'https://app.example/sector.json',
    },
    {
      ...app,
      redirect_uris: ['http://127.0.0.1/cb', 'vn.example.app://cb'],
      sector_identifier_uri: 'https://app.example/',
    },
    { ...app, redirect_uris: ['https://app.example/cb'] },
    { redirect_uris: ['http://127.0.0.1:4001/cb'] },
  ]
  for (const changes of taken)
    expect(clientSchema.safeParse(portalDefinition('portal', changes)).error).toBeUndefined()
})

test('a node waits for a slow read of the registry, and sends no second one meanwhile', async () => {
  let isAway = false
  let asked = 0
  const query = () => {
    if (!isAway) return Promise.resolve([])
    asked++
    return new Promise<never>(() => {})
  }
  const registry = await openRegistry({ db: { query } as unknown as Db, period: 5 })
  isAway = true
  await sleep(60)
  registry.close()
  expect(asked).toBe(1)
})
