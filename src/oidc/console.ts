/**
 * The operators' console, the only relying party that is not in the registry. Operators sign in to it with VNeID by the
 * device flow (RFC 8628), and its tokens are valid only for the admin API.
 */
import type { AdapterPayload } from 'oidc-provider'
import { policySchema } from '../registry/policy-schema.ts'
import { consoleId, consoleScope } from '../operators/console.ts'
import type { Registry } from '../registry/registry.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
/** Seconds after which an operator must sign in again, even if the settings allow portals longer sessions. */
export const consoleSessionMax = 8 * 3600

const policy = {
  ...policySchema.parse({ kinds: ['citizen'], minimum_level: 2, session_reuse: false }),
  // Forces a new authentication at VNeID: a session there could belong to another person at the same computer.
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

/** The registry plus the console. A registered portal with the console's id would be hidden. */
export const withConsole = (registry: Registry): Registry => ({
  ...registry,
  find: (id) => (id === consoleId ? Promise.resolve(client) : registry.find(id)),
  policyOf: (id) => (id === consoleId ? policy : registry.policyOf(id)),
})
