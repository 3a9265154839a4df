/** How the admin API shows portals: never a secret or its hash. */
import { z } from 'zod'
import { type ClientMetadata, definitionSchema } from '../registry/clients.ts'
import { type Difference, differences } from '../registry/difference.ts'
import { nameOf } from '../registry/plan.ts'
import type { PastChange } from '../store/client-changes.ts'
import { type ClientRow, clientStates } from '../store/clients.ts'
import { admissibleKinds } from '../vocabulary.ts'

export const state = z.enum(clientStates)
/** A portal's definition in a request: described here, validated by the registry, which reports each fault by field. */
export const definition = z.unknown().meta({
  id: 'PortalDefinition',
  override: ({ jsonSchema }: { jsonSchema: object }) =>
    void Object.assign(jsonSchema, z.toJSONSchema(definitionSchema, { io: 'input' })),
})
const metadata = z
  .record(z.string(), z.unknown())
  .meta({ override: { $ref: '#/components/schemas/PortalDefinition' } })
export const difference = z.object({
  path: z.string(),
  from: z.unknown().optional(),
  to: z.unknown().optional(),
})

export const listed = z.object({
  client_id: z.string(),
  client_name: z.string(),
  state,
  version: z.int(),
  token_endpoint_auth_method: z.string(),
  minimum_level: z.int(),
  kinds: z.array(z.enum(admissibleKinds)),
})

export function presentListed({
  id,
  state: now,
  version,
  metadata: said,
}: ClientRow): z.output<typeof listed> {
  const { token_endpoint_auth_method: method, policy } = said as unknown as ClientMetadata
  return {
    client_id: id,
    client_name: nameOf(said),
    state: now,
    version,
    token_endpoint_auth_method: method,
    minimum_level: policy.minimum_level,
    kinds: policy.kinds,
  }
}

export const shown = z.object({
  client_id: z.string(),
  state,
  version: z.int(),
  /** Tokens and sessions that were issued before this time are refused. */
  not_before: z.iso.datetime().nullable(),
  metadata,
})

export const presentShown = ({ id, state: now, version, notBefore, metadata: said }: ClientRow) => ({
  client_id: id,
  state: now,
  version,
  not_before: notBefore,
  metadata: said,
})

export const changed = z.object({
  at: z.iso.datetime(),
  actor: z.string(),
  action: z.string(),
  reason: z.string().nullable(),
  version: z.int(),
  changes: z.array(difference),
})

export function presentChange({ at, actor, action, reason, version, metadata: said, before }: PastChange) {
  // A new portal has nothing to compare with.
  const changes: readonly Difference[] = before === null ? [] : differences(before, said)
  return { at, actor, action, reason, version, changes: [...changes] }
}
