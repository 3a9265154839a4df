/** What a registered relying party may be: its metadata (`metadata.ts`) under the rules of the whole. */
import type { Client } from 'oidc-provider'
import { z } from 'zod'
import { type ClientMetadata, metadataSchema } from './metadata.ts'
import type { ClientPolicy } from './policy-schema.ts'
import { checkWhole } from './rules.ts'

export type { ClientMetadata } from './metadata.ts'
export type { ClientPolicy } from './policy-schema.ts'

/** As a reviewed file has it: the metadata that are kept, and the wanted state. */
export const definitionSchema = metadataSchema
  .extend({
    /** What the portal is to be; absent: as commands have left it, a new one a draft. */
    state: z.enum(['draft', 'active', 'suspended']).optional(),
  })
  .superRefine(checkWhole)

/** As the broker's own code gives it, with the portal's secret: never a file. */
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
        message: `is not used by ${client.token_endpoint_auth_method}; take it out`,
      })
  })

export const needsSecret = ({
  token_endpoint_auth_method: method,
}: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean => method.startsWith('client_secret')

/** The engine's client, with our policy beside it. */
export const policyOf = (client: Client): ClientPolicy => client['policy'] as ClientPolicy
