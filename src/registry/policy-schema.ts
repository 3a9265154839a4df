/** What may be asked of whom, by agreement (Decree 69/2024 art. 18–19): our part of a portal's definition. */
import { z } from 'zod'
import { claimsByScope } from './scopes.ts'
import { day, email, httpsUrl, matching, network, pastDay, words } from './schema-parts.ts'
import { admissibleKinds, levels } from '../vocabulary.ts'

const claimNames: readonly string[] = Object.values(claimsByScope).flat()

const lockDates = z
  .strictObject({ grace: day.optional(), locked: day.optional() })
  .refine(({ grace, locked }) => grace === undefined || locked === undefined || grace <= locked, {
    path: ['grace'],
    message: 'lies after the lock; write a day before locked, or the same',
  })

/** How this portal's legacy accounts may become links (`mapping/linking.ts`). */
const mappingSchema = z.strictObject({
  /** An equal number that was never attested links all the same when name and birth date agree. */
  unattested_match: z.boolean().default(false),
  /** From when the portal's word counts for less (grace) and for nothing (locked); absent: the law's dates. */
  lock: z
    .strictObject({
      citizen: lockDates.optional(),
      organisation: lockDates.optional(),
      foreigner: lockDates.optional(),
    })
    .prefault({}),
  /** The portal tells accounts apart by `portal` and `id`: until it does, no other may go over into it. Absent: no. */
  former_portals: z.boolean().optional(),
  /** A written exception: until that day, a late-comer's request goes to review instead of being refused. */
  latecomers: z.strictObject({ reference: words(3, 200), until: day }).optional(),
})

/** The agreement with the portal's owner. A draft may lack any of it, an active portal none (`activation.ts`). */
const agreed = {
  /** The body that owns the portal and signed the agreement, by its legal name. */
  owner: z
    .strictObject({
      name: words(3, 200).optional(),
      /** `other`: another body of the state, or who provides a public service. */
      kind: z.enum(['ministry', 'province', 'agency', 'other']).optional(),
    })
    .optional(),
  /** A desk, never a person: it outlives those who sit at it. */
  contact: z
    .strictObject({
      desk: words(3, 200).optional(),
      email: email.optional(),
      phone: matching(
        /^\+?[\d ().-]{6,20}$/,
        'is no telephone number; write one such as 024 3000 0000',
      ).optional(),
    })
    .optional(),
  agreement: z.strictObject({ number: words(3, 100).optional(), date: pastDay.optional() }).optional(),
  /** The provision that lets the owner process these data. */
  legal_basis: words(10, 1000).optional(),
  /** What the data are used for, one purpose a line. */
  purposes: z.array(words(5, 300)).min(1).max(50).optional(),
}

export const policySchema = z.strictObject({
  ...agreed,
  /** Who may sign in. */
  kinds: z.array(z.enum(admissibleKinds)).min(1).default(['citizen']),
  /** Lowest VNeID level of a person; organisations have none. */
  minimum_level: z.literal(levels).default(1),
  /** Whether a session begun at another portal will do without a new trip to VNeID. */
  session_reuse: z.boolean().default(true),
  /** Seconds after which this portal wants a new trip to VNeID in any case. */
  session_max_age: z.number().int().positive().optional(),
  /** The only claims released of those that the scopes give; absent: all of the scopes. */
  claims: z.array(z.enum(claimNames)).optional(),
  /** Show a page that names the portal before the citizen goes to VNeID. */
  notice: z.boolean().default(false),
  /** Software that cannot do PKCE: an audited exception of one confidential client, with its reason. */
  pkce_exemption: words(10, 500).optional(),
  profile: z.enum(['baseline', 'fapi2']).default('baseline'),
  /** Private networks in which this portal's `jwks_uri` and `backchannel_logout_uri` may lie. */
  private_networks: z.array(network).default([]),
  /** Origins of single-page applications beside those of the redirect URIs. */
  allowed_origins: z.array(httpsUrl).default([]),
  /** The official code of the province whose portal this is; absent: a ministry's. */
  province: matching(
    /^\d{2}$/,
    'is no code of a province; write two digits in quotes, such as "08"',
  ).optional(),
  mapping: mappingSchema.prefault({}),
})
export type ClientPolicy = z.output<typeof policySchema>
