/** Our own part of a portal's definition: what the agreement permits (Decree 69/2024 art. 18–19). */
import { z } from 'zod'
import { claimsByScope } from './scopes.ts'
import { day, email, httpsUrl, matching, network, pastDay, words } from './schema-parts.ts'
import { admissibleKinds, levels } from '../vocabulary.ts'

const claimNames: readonly string[] = Object.values(claimsByScope).flat()

const lockDates = z
  .strictObject({ grace: day.optional(), locked: day.optional() })
  .refine(({ grace, locked }) => grace === undefined || locked === undefined || grace <= locked, {
    path: ['grace'],
    message: 'is after locked; write the same date or an earlier one',
  })

/** How this portal's legacy accounts may become links (`mapping/linking.ts`). */
const mappingSchema = z.strictObject({
  /** Whether an equal number that was never attested also links, if name and birth date agree. */
  unattested_match: z.boolean().default(false),
  /** From when evidence by the portal counts less (`grace`) and no longer counts (`locked`). Absent: the law's dates. */
  lock: z
    .strictObject({
      citizen: lockDates.optional(),
      organisation: lockDates.optional(),
      foreigner: lockDates.optional(),
    })
    .prefault({}),
  /** The portal identifies accounts by `portal` and `id`, which is required to re-home another portal into it. */
  former_portals: z.boolean().optional(),
  /** A written exception: until this date a link that would be refused as too late becomes a case instead. */
  latecomers: z.strictObject({ reference: words(3, 200), until: day }).optional(),
})

/** The agreement with the portal's owner. Optional for a draft, required for activation (`activation.ts`). */
const agreed = {
  /** The body that owns the portal and signed the agreement; `name` is its legal name. */
  owner: z
    .strictObject({
      name: words(3, 200).optional(),
      /** `other`: another state body, or a provider of public services. */
      kind: z.enum(['ministry', 'province', 'agency', 'other']).optional(),
    })
    .optional(),
  /** A desk, not a person, because persons change. */
  contact: z
    .strictObject({
      desk: words(3, 200).optional(),
      email: email.optional(),
      phone: matching(
        /^\+?[\d ().-]{6,20}$/,
        'is not a telephone number; write one such as 024 3000 0000',
      ).optional(),
    })
    .optional(),
  agreement: z.strictObject({ number: words(3, 100).optional(), date: pastDay.optional() }).optional(),
  /** The legal provision that permits the owner to process these data. */
  legal_basis: words(10, 1000).optional(),
  /** The purposes that the data are used for, one per entry. */
  purposes: z.array(words(5, 300)).min(1).max(50).optional(),
}

export const policySchema = z.strictObject({
  ...agreed,
  /** Who may sign in. */
  kinds: z.array(z.enum(admissibleKinds)).min(1).default(['citizen']),
  /** Lowest VNeID level of a person; organisations have no level. */
  minimum_level: z.literal(levels).default(1),
  /** Whether a session from another portal is accepted without a new trip to VNeID. */
  session_reuse: z.boolean().default(true),
  /** Seconds after which this portal always requires a new trip to VNeID. */
  session_max_age: z.number().int().positive().optional(),
  /** Restricts the claims that the scopes release. Absent: all claims of the scopes. */
  claims: z.array(z.enum(claimNames)).optional(),
  /** Whether to show a page that names the portal before the citizen goes to VNeID. */
  notice: z.boolean().default(false),
  /** Exempts a confidential client whose software does not support PKCE; holds the reason, which is audited. */
  pkce_exemption: words(10, 500).optional(),
  profile: z.enum(['baseline', 'fapi2']).default('baseline'),
  /** Private networks (CIDR) to which this portal's `jwks_uri` and `backchannel_logout_uri` may resolve. */
  private_networks: z.array(network).default([]),
  /** CORS origins of single-page applications, in addition to those of the redirect URIs. */
  allowed_origins: z.array(httpsUrl).default([]),
  /** The official code of the portal's province; absent for a ministry's portal. */
  province: matching(
    /^\d{2}$/,
    'is not a province code; write two digits in quotes, such as "08"',
  ).optional(),
  mapping: mappingSchema.prefault({}),
})
export type ClientPolicy = z.output<typeof policySchema>
