/**
 * The operators' console: the one relying party that no registry holds. Its device flow (RFC 8628) leads to VNeID like
 * every other sign-in, and its tokens open the admin API and nothing else.
 */
import type { AdapterPayload } from 'oidc-provider'
import { policySchema } from '../registry/policy-schema.ts'
import { consoleId, consoleScope } from '../operators/console.ts'
import type { Registry } from '../registry/registry.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
/** Seconds after which the person signs in anew, whatever the settings allow portals. */
export const longestConsoleSession = 8 * 3600

const policy = {
  ...policySchema.parse({ kinds: ['citizen'], minimum_level: 2, session_reuse: false }),
  // VNeID, too, must not answer by a session of its own: whoever sits there now proves who it is.
  session_max_age: 0,
}
const client: AdapterPayload = {
  client_id: consoleId,
  client_name: 'VNeID SSO: vận hành',
  application_type: 'native',
  grant_types: [deviceGrant, 'refresh_token'],
  response_types: [],
  redirect_uris: [],
  scope: consoleScope,
  token_endpoint_auth_method: 'none',
  subject_type: 'public',
  policy,
}

/** The registered portals and the console beside them; a portal of that name is not seen. */
export const withConsole = (registry: Registry): Registry => ({
  ...registry,
  find: (id) => (id === consoleId ? Promise.resolve(client) : registry.find(id)),
  policyOf: (id) => (id === consoleId ? policy : registry.policyOf(id)),
})
