/** Operations on portals' secrets. The caller generates the secret; the broker receives only its hash and never shows it. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { moment } from '../http/times.ts'
import { addSecret, endSecret } from '../registry/secrets.ts'
import { type SecretRow, listSecrets } from '../store/client-secrets.ts'
import { findClients } from '../store/clients.ts'
import type { Database } from '../store/db.ts'
import { readers } from './client-operations.ts'
import { type Operation, operation } from './operation.ts'
import { secretHash } from './registry-operations.ts'

const oneYear = 365 * 86_400_000

const end = moment
  .refine(
    (at) => at.getTime() > Date.now() && at.getTime() <= Date.now() + 2 * oneYear,
    'must be within the next two years',
  )
  .meta({
    description: 'A date-time with `Z` or an offset, within the next two years. Default: in one year.',
  })

const secret = z.object({
  id: z.uuid(),
  created_at: z.iso.datetime(),
  /** Null: created when a definition was applied. */
  created_by: z.string().nullable(),
  expires_at: z.iso.datetime(),
})
export type SecretAnswer = z.output<typeof secret>
const present = ({ id, createdAt, createdBy, expiresAt }: SecretRow) => ({
  id,
  created_at: createdAt,
  created_by: createdBy,
  expires_at: expiresAt,
})

export function secretOperations({ db, log }: { db: Database; log: Log }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/clients/:id/secrets',
      about:
        'Lists the secrets of a portal, at most two, with creation and expiry times. Never shows a secret.',
      roles: readers,
      answer: z.object({ secrets: z.array(secret) }),
      async handle({ params }) {
        if ((await findClients(db, [params.id])).length === 0)
          throw new BrokerError('not_found', 'there is no portal with this id')
        return { secrets: (await listSecrets(db, params.id)).map(present) }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/clients/:id/secrets',
      about:
        'Adds a secret beside the current one, which can be given an expiry time. The caller sends only the hash.',
      roles: ['registrar'],
      body: z.strictObject({
        /** SHA-256 of the secret, which is at least 32 random bytes in text form. */
        hash: secretHash,
        expires_at: end.optional(),
        /** When the other secret expires, unless it expires earlier. */
        retire_others_at: moment.optional(),
      }),
      status: 201,
      answer: secret,
      async handle({ operator, params, body, reference }) {
        const what = {
          clientId: params.id,
          hash: body.hash,
          expiresAt: body.expires_at ?? new Date(Date.now() + oneYear),
          othersEnd: body.retire_others_at,
        }
        return present(await addSecret({ db, log }, what, { actor: operator.id, reference }))
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/clients/:id/secrets/:secret/revoke',
      about: 'Revokes a secret at once, even the last one.',
      roles: ['registrar', 'security_officer'],
      async handle({ operator, params, reference }) {
        if (!z.uuid().safeParse(params.secret).success)
          throw new BrokerError('not_found', 'the portal has no active secret with this id')
        const what = { clientId: params.id, id: params.secret }
        await endSecret({ db, log }, what, { actor: operator.id, reference })
      },
    }),
  ]
}
