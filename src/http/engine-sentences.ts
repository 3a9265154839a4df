/**
 * The sentences with which the engine and `oidc/` refuse a request. Only these reach the log: some errors of the engine
 * quote the request (an `Origin`, a path), and a caller may write anything there, such as an identification number.
 */
import { errorTable } from '../errors.ts'

/** One sentence per line; `…` stands for a value. */
const sentences = `
access token is not sender-constrained but proof of possession was provided
access token missing openid scope
access token missing requested scope
access token must only be provided using one mechanism
access token not found
access tokens must not be provided via query parameter
accountId mismatch
alg mismatch
another person signed in, or the authentication is too old
associated account not found
associated client not found
aud (JWT audience) must be provided in the client_assertion JWT
aud is required
audience (aud) must equal the endpoint url, issuer identifier or token endpoint url
audience (aud) must equal the issuer
audience (aud) must equal the issuer identifier url
authorization code is expired
authorization code redirect_uri mismatch
authorization header scheme must be \`Bearer\`
authorization header scheme must be \`DPoP\` when DPoP is used
authorization request is still pending as the end-user hasn't yet completed the user interaction steps
Authorization Server policy requires PKCE to be used for this request
certificate subject value does not match the registered one
claims parameter should be a JSON object
claims parameter should have userinfo or id_token properties
claims parameter should not be combined with response_type none
claims.id_token should be an object
claims.userinfo should be an object
claims.userinfo should not be used if access_token is not issued
claims.userinfo should not be used since userinfo endpoint is not supported
claims.… members must be null or objects
client assertion tokens must only be used once
client authentication failed
client authentication must only be provided using one mechanism
client certificate was not provided
client certificate was not verified
client is invalid
client is not authorized to revoke the presented token
client mismatch
client not found
client_assertion_type must be provided
client_assertion_type must have value …
client_id and client_secret in the authorization header are not properly encoded
client_id does not match the provided id_token_hint
client_id mismatch
client_secret must be provided in the Authorization header
clientId mismatch
code_challenge must be provided with code_challenge_method
code_challenge_method must be provided
could not decode id_token_hint
could not decrypt request object
could not parse Request Object
could not parse the claims parameter JSON
could not validate id_token_hint
could not validate Request Object
device code already used
device code is expired
\`DPoP\` header not provided
DPoP nonces are not supported
DPoP proof ath mismatch
DPoP proof htm mismatch
DPoP proof htu mismatch
DPoP proof iat is not recent enough
DPoP proof iat is not recent enough, use a DPoP nonce instead
DPoP proof key thumbprint does not match dpop_jkt
DPoP proof must have a iat number property
DPoP proof must have a jti string property
DPoP proof nonce must be a string
\`DPoP\` tokens must be provided via an authorization header
Encrypted Request Objects are not supported by CIBA
exp is required
exp must be at most … seconds ahead
expiration must be specified in the client_assertion JWT
failed jkt verification
failed to parse the request body
failed x5t#S256 verification
grant is expired
grant not found
grant request is invalid
introspection must be requested with Accept: … for this client
invalid authorization header value format
invalid claims.id_token.acr.values type
invalid client_assertion format
invalid DPoP key binding
invalid max_age parameter value
invalid nonce in DPoP proof
invalid OAuth-Client-Attestation format
invalid request_uri
invalid secret provided
invalid token provided
iss (JWT issuer) must be provided in the client_assertion JWT
iss (JWT issuer) must be the client_id
jti is required with legacy_account, and has at most 256 characters
legacy_account_portal needs legacy_account
list of audience (aud) must include the endpoint url, issuer identifier or token endpoint url
missing DPoP proof JWT
missing required parameter …
missing required parameters …
multiple proof-of-possession mechanisms are not allowed
mutual TLS client certificate not provided
nbf is required
nbf must be before exp, by at most an hour
no client authentication mechanism provided
nonce is required in the DPoP proof
not supported value of code_challenge_method
oauth-client-attestation instance public key mismatch
only a single audience value is supported
only a single resource indicator value must be requested/resolved during Access Token Request
only … content-type bodies are supported on … …
openid scope must be requested for clients with …
openid scope must be requested for this request
openid scope must be requested for this response_type
openid scope must be requested when using the … parameter
origin … not allowed for client: …
post_logout_redirect_uri not registered
prompt none must only be used alone
Pushed Authorization Request must be used
redirect_uri did not match any of the client's registered redirect_uris
refresh token already used
refresh token is expired
refresh token missing requested …
refresh token not found
request and request_uri parameters MUST NOT be used together
request client_id mismatch
request client_id must equal the authenticated client's client_id
request client_id must equal the one in request parameters
request is invalid
Request Object 'exp' claim too far from 'nbf' claim
Request Object claims are invalid
Request Object is missing the '…' claim
Request Object must be used by this client
Request Object must not contain request or request_uri properties
request response_type must equal the one in request parameters
request_uri is invalid, expired, or was already used
requested grant type is not allowed for this client
requested response_mode is not allowed for the requested response_type
requested response_mode is not allowed for this client or request
requested response_type is not allowed for this client
requested scope is not allowed
resource indicator is missing, or unknown
resource indicator must be an absolute URI
resource indicator must be provided or defaulted to when Rich Authorization Requests are used
resource indicator must not contain a fragment component
scope contains invalid characters
Structured JWT Tokens cannot be … via the …_endpoint
sub (JWT subject) must be provided in the client_assertion JWT
sub (JWT subject) must be provided in the OAuth-Client-Attestation JWT
the citizen cannot choose an account here; use prompt=login
the portal does not admit this kind of person
the preregistered alg must be used in request or request_uri
the provided authentication mechanism does not match the registered client authentication method
the requested assurance level could not be obtained
the subject is disabled or no longer exists
token audience prevents accessing the userinfo endpoint
unique jti (JWT ID) must be provided in the client_assertion JWT
unrecognized id_token_hint audience
unregistered client certificate provided
unsupported grant_type requested
unsupported prompt value requested
unsupported response_mode requested
unsupported response_type requested
unsupported signed request alg
Web Message Response Mode Relay Mode is not supported
xsrf token invalid
you are polling too quickly and should back off at a reasonable rate
… already consumed
… contains invalid characters
… invalid (referenced account not found)
… is not a usable id: …
… is not allowed for this client
… must be a string with a maximum length of 128 characters
… must be a string with a minimum length of 43 characters
… must be pushed (RFC 9126) or be in a signed request object (RFC 9101)
… must have at most … characters
… needs a confidential client
… unless encrypted
… needs the registered scope legacy_accounts
… not found
… parameter must not be provided twice
… parameters must not be provided twice
`
  .trim()
  .split('\n')

/** Values that may be logged: names of parameters, as the engine lists them (`'code' and 'redirect_uri'`). */
const parameters = new Set(
  `acr_values claims client_assertion client_assertion_type client_id client_secret code code_challenge code_challenge_method
  code_verifier device_code display dpop_jkt grant_type id_token_hint legacy_account legacy_account_portal login_hint logout_hint
  max_age nonce post_logout_redirect_uri prompt redirect_uri refresh_token request request_uri response_mode response_type
  scope state token token_type_hint ui_locales user_code`.split(/\s+/),
)
const isParameterList = (value: string) =>
  value.split(/,? and |, /).every((name) => parameters.has(name.replaceAll("'", '')))

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
const fixed = new Set([
  ...sentences.filter((sentence) => !sentence.includes('…')),
  ...Object.keys(errorTable),
])
const withValues = sentences
  .filter((sentence) => sentence.includes('…'))
  .map((sentence) => ({
    sentence,
    pattern: new RegExp(`^${sentence.split('…').map(escaped).join('(.*)')}$`, 's'),
  }))

/** @returns the text with every value cut but names of parameters; undefined if it is not one of the sentences */
export function knownSentence(text: string | undefined): string | undefined {
  if (text === undefined || fixed.has(text)) return text
  for (const { sentence, pattern } of withValues) {
    const values = pattern.exec(text)?.slice(1)
    if (values === undefined) continue
    let index = 0
    return sentence.replaceAll('…', () => {
      const value = values[index++]!
      return isParameterList(value) ? value : '…'
    })
  }
  return undefined
}
