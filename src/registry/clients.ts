/** The schemas of a relying party: its metadata (`metadata.ts`) with the rules between fields (`rules.ts`). */
import type { Client } from 'oidc-provider'
import { z } from 'zod'
import { type ClientMetadata, metadataSchema } from './metadata.ts'
import type { ClientPolicy } from './policy-schema.ts'
import { checkWhole } from './rules.ts'

export type { ClientMetadata } from './metadata.ts'
export type { ClientPolicy } from './policy-schema.ts'

/** The content of a reviewed file: the metadata that are stored, and the wanted state. */
export const definitionSchema = metadataSchema
  .extend({
    /** The wanted state. Absent: the state is not changed, and a new portal is a draft. */
    state: z.enum(['draft', 'active', 'suspended']).optional(),
  })
  .superRefine(checkWhole)

/** The metadata with the portal's secret, for callers inside the broker's code; a file never contains a secret. */
export const clientSchema = metadataSchema
  .extend({
    client_secret: z.string().min(32, 'is too short; write at least 32 random characters').optional(),
  })
  .superRefine((client, context) => {
    checkWhole(client, context)
    if (client.client_secret !== undefined && !needsSecret(client))
      context.addIssue({
        code: 'custom',
        path: ['client_secret'],
        message: `is not used by ${client.token_endpoint_auth_method}; remove it`,
      })
  })

export const needsSecret = ({
  token_endpoint_auth_method: method,
}: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean => method.startsWith('client_secret')

/** The policy that we store with the engine's client. */
export const policyOf = (client: Client): ClientPolicy => client['policy'] as ClientPolicy
