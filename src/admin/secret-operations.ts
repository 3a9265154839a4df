/** Secrets of portals. They are made where they are needed; the broker is told hashes, and tells none. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { addSecret, endSecret } from '../registry/secrets.ts'
import { type SecretRow, listSecrets } from '../store/client-secrets.ts'
import { findClients } from '../store/clients.ts'
import type { Database } from '../store/db.ts'
import { readers } from './client-operations.ts'
import { type Operation, operation } from './operation.ts'
import { secretHash } from './registry-operations.ts'

const oneYear = 365 * 86_400_000

const moment = z.iso
  .datetime({ offset: true, message: 'must be a moment such as 2027-03-31T00:00:00+07:00' })
  .transform((text) => new Date(text))
const end = moment.refine(
  (at) => at.getTime() > Date.now() && at.getTime() <= Date.now() + 2 * oneYear,
  'must lie within the next two years',
)

const secret = z.object({
  id: z.uuid(),
  created_at: z.iso.datetime(),
  /** Null: it was made when a definition was applied. */
  created_by: z.string().nullable(),
  expires_at: z.iso.datetime(),
})
export type ToldSecret = z.output<typeof secret>
const tell = ({ id, createdAt, createdBy, expiresAt }: SecretRow) => ({
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
        'The secrets of a portal, at most two: when they were made and when they end, never what they are.',
      roles: readers,
      answer: z.object({ secrets: z.array(secret) }),
      async handle({ params }) {
        if ((await findClients(db, [params.id])).length === 0)
          throw new BrokerError('not_found', 'there is no portal of that id')
        return { secrets: (await listSecrets(db, params.id)).map(tell) }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/clients/:id/secrets',
      about:
        'Puts a secret into service beside the one there is, which may be given an end. The caller keeps the secret.',
      roles: ['registrar'],
      body: z.strictObject({
        /** Of at least 32 random bytes as text. */
        hash: secretHash,
        /** Absent: in a year. */
        expires_at: end.optional(),
        /** When the other one ends, unless it ends before. */
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
        return tell(await addSecret({ db, log }, what, { actor: operator.id, reference }))
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/clients/:id/secrets/:secret/revoke',
      about: 'Ends a secret at once, also the last one.',
      roles: ['registrar', 'security_officer'],
      async handle({ operator, params, reference }) {
        if (!z.uuid().safeParse(params.secret).success)
          throw new BrokerError('not_found', 'the portal has no such secret in service')
        const what = { clientId: params.id, id: params.secret }
        await endSecret({ db, log }, what, { actor: operator.id, reference })
      },
    }),
  ]
}
