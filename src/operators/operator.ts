/** An operator: a machine, identified by its key, or a person, identified by their number. */
import { z } from 'zod'
import { type OperatorKind, type Role, roles } from '../vocabulary.ts'

export interface Operator {
  readonly id: string
  readonly kind: OperatorKind
  readonly roles: readonly Role[]
}

/** Actors of audit events that are not operators; the table refuses these ids too. */
const reserved = ['citizen', 'system', 'local', 'operator', 'portal', 'sandbox']
export const operatorId = z
  .string()
  .regex(/^[a-z0-9._-]{3,64}$/, 'must be 3 to 64 of a-z, 0-9, dot, dash, underscore')
  .refine((id) => !reserved.includes(id), `must not be one of ${reserved.join(', ')}`)
  .meta({ not: { enum: reserved } })

export const roleList = z
  .array(z.enum(roles))
  .min(1)
  .transform((given) => roles.filter((role) => given.includes(role)))
