/** Operations on re-homing: one portal takes over the accounts and links of another. */
import { z } from 'zod'
import type { Approvals } from '../approvals/approvals.ts'
import { kind } from '../approvals/kind.ts'
import { day } from '../http/times.ts'
import type { Log } from '../telemetry/log.ts'
import { beginRehome, endRehome } from '../registry/rehome.ts'
import type { Database } from '../store/db.ts'
import { type RehomeRow, listRehomes } from '../store/rehomes.ts'
import { asking } from './asking.ts'
import { readers } from './client-operations.ts'
import { clientId, words } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, numberCursor, pageEnd, pageOf } from './paging.ts'

const rehome = z.object({
  id: z.string(),
  old_client: z.string(),
  new_client: z.string(),
  /** The old portal's last day, as a date in Vietnam. */
  until: z.iso.date(),
  /** The `sub` at the new portal: the old portal's, or its own, in which case `former_sub` holds the old one. */
  subs: z.enum(['old', 'own']),
  reason: z.string(),
  begun_by: z.string(),
  begun_at: z.iso.datetime(),
  undone_by: z.string().nullable(),
  undone_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
})
export type RehomeAnswer = z.output<typeof rehome>
const present = (row: RehomeRow) => ({
  id: row.id,
  old_client: row.oldClient,
  new_client: row.newClient,
  until: row.until,
  subs: row.subs,
  reason: row.reason,
  begun_by: row.begunBy,
  begun_at: row.begunAt,
  undone_by: row.undoneBy,
  undone_at: row.undoneAt,
  completed_at: row.completedAt,
})

const wished = z.strictObject({
  old_client: clientId,
  new_client: clientId,
  until: day.meta({
    description: 'The old portal’s last day, as a date in Vietnam; not in the past, and within three years.',
  }),
  reason: words,
})
export const rehomeKind = kind({
  name: 'client.rehome',
  about:
    'Re-homes a portal into another, which takes over its accounts and links at once. The old portal works until its last day.',
  askers: ['registrar'],
  approvers: ['registrar', 'security_officer'],
  days: 7,
  asked: wished,
  concern: () => ({}),
  show: (_db, wish) => wish,
  async carryOut(tx, note, { reason, until, ...wish }, by) {
    const { old_client: oldClient, new_client: newClient } = wish
    await beginRehome(tx, note, { oldClient, newClient, until }, { ...by, reason })
  },
})

export function rehomeOperations({
  db,
  log,
  approvals,
}: {
  db: Database
  log: Log
  approvals: Approvals
}): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/rehomes',
      about: 'Lists re-homings: completed, in progress and undone, newest first.',
      roles: readers,
      query: z.strictObject({
        after: numberCursor.optional(),
        limit,
      }),
      answer: z.object({ rehomes: z.array(rehome), ...pageEnd }),
      async handle({ query: { after, limit: most } }) {
        const found = await listRehomes(db, { before: after, limit: most + 1 })
        const { rows, end } = pageOf(found, { limit: most, after }, ({ id }) => id)
        return { rehomes: rows.map(present), ...end }
      },
    }),

    asking(approvals, rehomeKind, {
      method: 'POST',
      path: '/v1/rehomes',
      body: wished,
      asked: ({ body }) => body,
    }),

    operation({
      method: 'POST',
      path: '/v1/rehomes/:client/undo',
      about: 'Undoes a re-homing. Possible until the end of the old portal’s last day.',
      roles: ['registrar'],
      answer: rehome,
      handle: async ({ operator, params, reference }) =>
        present(await endRehome({ db, log }, params.client, { actor: operator.id, reference })),
    }),
  ]
}
