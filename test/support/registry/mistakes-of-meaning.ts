/** Mistakes in the content of definitions, for `test/registry/mistakes.test.ts`. */
import { jwks, type Mistake, privatePart, secret, yaml } from './mistake.ts'

const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks }
const fapi = { ...keyed, require_pushed_authorization_requests: true, dpop_bound_access_tokens: true }
const publicClient = { token_endpoint_auth_method: 'none' }
const lock = (dates: object) => ({ policy: { mapping: { lock: dates } } })

export const mistakesOfMeaning: Readonly<Record<string, Mistake>> = {
  'an address over plain http': {
    file: yaml({ redirect_uris: ['http://portal.example/cb'] }),
    at: 'http://portal',
    told: /redirect_uris\.0: is not https; write https/,
  },
  'an address with a fragment': {
    file: yaml({ redirect_uris: ['https://portal.example/cb', 'https://portal.example/cb#x'] }),
    at: 'cb#x',
    told: /redirect_uris\.1: has a fragment; remove/,
  },
  'an address with a wildcard': {
    file: yaml({ redirect_uris: ['https://*.portal.example/cb'] }),
    at: '*.portal',
    told: /redirect_uris\.0: has a wildcard; list each/,
  },
  'an address that is none': {
    file: yaml({ redirect_uris: ['portal.example/cb'] }),
    at: '- portal.example',
    told: /redirect_uris\.0: is not an absolute URL; write one/,
  },
  'an address with a password': {
    file: yaml({ client_uri: 'https://me:word@portal.example/' }),
    at: 'client_uri',
    told: /client_uri: contains a user or password; remove/,
  },
  'no address at all': {
    file: yaml({ redirect_uris: [] }),
    at: 'redirect_uris',
    told: /redirect_uris: is empty; add/,
  },
  'addresses without the code grant': {
    file: yaml({ grant_types: ['client_credentials'] }),
    at: 'redirect_uris',
    told: /redirect_uris: is only for the authorization code grant; remove/,
  },
  'several hosts without a sector': {
    file: yaml({ redirect_uris: ['https://a.example/', 'https://b.example/'] }),
    at: 1,
    told: /sector_identifier_uri: is missing, .*; add/,
  },
  'an unknown scope': {
    file: yaml({ scope: 'openid profil' }),
    at: 'scope:',
    told: /scope: has an unknown scope; write profile/,
  },
  'the implicit grant': {
    file: yaml({ grant_types: ['implicit'] }),
    at: '- implicit',
    told: /grant_types\.0: is not a known value; write one of authorization_code/,
  },
  'refresh_token without code': {
    file: yaml({ grant_types: ['refresh_token'] }),
    at: 'grant_types',
    told: /grant_types: has refresh_token without authorization_code; add/,
  },
  'client_credentials of a public client': {
    file: yaml({ ...publicClient, grant_types: ['authorization_code', 'client_credentials'] }),
    at: 'grant_types',
    told: /grant_types: has client_credentials, .*; remove/,
  },
  'an unknown way to authenticate': {
    file: yaml({ token_endpoint_auth_method: 'client_secret_jwt' }),
    at: 'token_endpoint_auth_method',
    told: /token_endpoint_auth_method: .*; write client_secret_/,
  },
  'a symmetric algorithm': {
    file: yaml({ id_token_signed_response_alg: 'HS256' }),
    at: 'id_token_signed',
    told: /id_token_signed_response_alg: is not a known value; write (one of )?[ER]S256/,
  },
  'no key for private_key_jwt': {
    file: yaml(publicClient).replace('method: none', 'method: private_key_jwt'),
    at: 1,
    told: /jwks: is missing, but private_key_jwt needs a key; add/,
  },
  'jwks beside jwks_uri': {
    file: yaml({ ...keyed, jwks_uri: 'https://portal.example/jwks' }),
    at: 'jwks:',
    told: /jwks: cannot be combined with jwks_uri; remove one/,
  },
  'a private key': {
    file: yaml({ ...keyed, jwks: { keys: [{ ...jwks.keys[0], d: privatePart }] } }),
    at: ' d: ',
    told: /jwks\.keys\.0\.d: is a private key; remove it/,
  },
  'a key that is none': {
    file: yaml({ ...keyed, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] } }),
    at: '- kty',
    told: /jwks\.keys\.0: is not a valid public key; copy/,
  },
  'no key in jwks': {
    file: yaml({ ...keyed, jwks: { keys: [] } }),
    at: ' keys:',
    told: /jwks\.keys: is empty; add/,
  },
  'a secret': {
    file: yaml({ client_secret: secret }),
    at: 'client_secret:',
    told: /client_secret: is a secret, .*; remove it/,
  },
  'level 3': {
    file: yaml({ policy: { minimum_level: 3 } }),
    at: 'minimum_level',
    told: /policy\.minimum_level: .*; write one of 1, 2/,
  },
  'no kinds': {
    file: yaml({ policy: { kinds: [] } }),
    at: 'kinds',
    told: /policy\.kinds: is empty; add at least 1/,
  },
  'an unknown kind': {
    file: yaml({ policy: { kinds: ['citizens'] } }),
    at: '- citizens',
    told: /policy\.kinds\.0: .*; write citizen/,
  },
  'a network that is none': {
    file: yaml({ policy: { private_networks: ['10.0.0.0/40'] } }),
    at: '10.0.0.0/40',
    told: /policy\.private_networks\.0: is not a network; write/,
  },
  'an unknown claim': {
    file: yaml({ policy: { claims: ['nmae'] } }),
    at: '- nmae',
    told: /policy\.claims\.0: .*; write/,
  },
  'a province in letters': {
    file: yaml({ policy: { province: 'HN' } }),
    at: 'province: HN',
    told: /policy\.province: is not a province code; write two digits/,
  },
  'a province without quotes': {
    file: `${yaml({})}  province: 08\n`,
    at: 'province: 08',
    told: /policy\.province: must be a string; write it in quotes/,
  },
  'an exemption of a public client': {
    file: yaml({ ...publicClient, policy: { pkce_exemption: 'software of 2009' } }),
    at: 'pkce_exemption',
    told: /policy\.pkce_exemption: is for confidential clients only; remove/,
  },
  'a negative age': {
    file: yaml({ default_max_age: -1 }),
    at: 'default_max_age',
    told: /default_max_age: is too small; write at least 0/,
  },
  'half a second': {
    file: yaml({ policy: { session_max_age: 0.5 } }),
    at: 'session_max_age',
    told: /policy\.session_max_age: must be an integer; /,
  },
  'grace after the lock': {
    file: yaml(lock({ citizen: { grace: '2026-01-02', locked: '2026-01-01' } })),
    at: 'grace',
    told: /policy\.mapping\.lock\.citizen\.grace: is after locked; write/,
  },
  'a day that is none': {
    file: yaml(lock({ citizen: { locked: '2026-02-30' } })),
    at: 'locked',
    told: /policy\.mapping\.lock\.citizen\.locked: is not a date; write/,
  },
  'a population that is none': {
    file: yaml(lock({ citizens: {} })),
    at: 'citizens',
    told: /policy\.mapping\.lock\.citizens: is not a known field; write citizen/,
  },
  'late-comers without an end': {
    file: yaml({ policy: { mapping: { latecomers: { reference: '15/VPCP' } } } }),
    at: 'latecomers',
    told: /policy\.mapping\.latecomers\.until: is missing; add/,
  },
  'FAPI 2.0 with a secret': {
    file: yaml({
      ...fapi,
      ...publicClient,
      jwks: undefined,
      token_endpoint_auth_method: 'client_secret_basic',
      policy: { profile: 'fapi2' },
    }),
    at: 'token_endpoint_auth_method',
    told: /token_endpoint_auth_method: is too weak .*; write private_key_jwt/,
  },
  'FAPI 2.0 without pushed requests': {
    file: yaml({ ...fapi, require_pushed_authorization_requests: undefined, policy: { profile: 'fapi2' } }),
    at: 1,
    told: /require_pushed_authorization_requests: is not set, .*; write true/,
  },
  'FAPI 2.0 without bound tokens': {
    file: yaml({ ...fapi, dpop_bound_access_tokens: false, policy: { profile: 'fapi2' } }),
    at: 'dpop_bound_access_tokens',
    told: /dpop_bound_access_tokens: is not set, .*; write true/,
  },
  'an agreement of the future': {
    file: yaml({ policy: { agreement: { number: '1/TT', date: '2999-01-01' } } }),
    at: 'date',
    told: /policy\.agreement\.date: is in the future; write/,
  },
  'an e-mail address that is none': {
    file: yaml({ policy: { contact: { desk: 'Bàn', email: 'desk at portal', phone: '024 3000 0000' } } }),
    at: 'email',
    told: /policy\.contact\.email: is not an e-mail address; write/,
  },
  'an owner of an unknown kind': {
    file: yaml({ policy: { owner: { name: 'Cơ quan', kind: 'company' } } }),
    at: 'kind: company',
    told: /policy\.owner\.kind: .*; write one of ministry/,
  },
  'a state that is none': {
    file: yaml({ state: 'live' }),
    at: 'state: live',
    told: /state: .*; write (one of )?(draft|active)/,
  },
  'active without a legal basis': {
    file: yaml({ policy: { legal_basis: undefined } }),
    at: 'policy:',
    told: /policy\.legal_basis: is missing; add the legal provision/,
  },
  'active without an agreement number': {
    file: yaml({ policy: { agreement: { date: '2025-01-01' } } }),
    at: 'agreement:',
    told: /policy\.agreement\.number: is missing; add .*Decree 69\/2024/,
  },
  'active without a purpose': {
    file: yaml({ policy: { purposes: undefined } }),
    at: 'policy:',
    told: /policy\.purposes: is missing; add/,
  },
  'active without the signing key it needs': {
    file: yaml({ id_token_signed_response_alg: 'EdDSA' }),
    at: 'id_token_signed',
    told: /id_token_signed_response_alg: needs a signing key that has been published for 15 minutes; run "keys /,
  },
  'suspended before it was ever active': {
    file: yaml({ state: 'suspended' }),
    at: 'state',
    told: /state: is not possible for a portal that is draft; write draft or active/,
  },
}
