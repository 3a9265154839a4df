/** Operations on keys: the calendar of signing keys, the key ring and its use, re-sealing. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { signingAlgorithms, type Role } from '../vocabulary.ts'
import { revokeKey, rotateSigningKey } from '../oidc/keys.ts'
import type { Reseal } from '../ring/reseal.ts'
import { type Ring, reportRing } from '../ring/ring.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Database } from '../store/db.ts'
import { leastAnnouncement, listCalendar, listKeyHistory, usualAnnouncement } from '../store/keys.ts'
import { type ResealRun, findReseal, listReseals } from '../store/reseal-runs.ts'
import { type Operation, operation } from './operation.ts'

const readers: readonly Role[] = ['security_officer', 'auditor', 'viewer', 'registrar']
const moment = z.iso.datetime()
const algorithm = z.enum(signingAlgorithms)

const published = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(['next', 'current', 'previous']),
  published_at: moment,
  signs_from: moment,
  signs_until: moment.nullable(),
  published_until: moment.nullable(),
})
const past = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(['retired', 'revoked']),
  published_at: moment,
  signs_from: moment,
  ended_at: moment,
  revoked_by: z.string().nullable(),
  revoke_reason: z.string().nullable(),
})
const reseal = z.object({
  id: z.uuid(),
  state: z.enum(['unfinished', 'done']),
  begun_by: z.string(),
  begun_at: moment,
  touched_at: moment,
  ended_at: moment.nullable(),
  table: z.string(),
  rows_total: z.number(),
  rows_done: z.number(),
  rows_changed: z.number(),
  rows_unreadable: z.number(),
  fault: z.string().nullable(),
})
const ring = z.object({
  seal: z.array(
    z.object({
      key: z.string(),
      tables: z.record(z.string(), z.number()),
      needed: z.boolean(),
      state_until: moment.nullable(),
    }),
  ),
  index: z.array(z.object({ key: z.string(), needed: z.boolean() })),
  unreadable: z.record(z.string(), z.number()),
  operators_behind: z.number(),
})

const presentReseal = (run: ResealRun) => ({
  id: run.id,
  state: run.endedAt === null ? ('unfinished' as const) : ('done' as const),
  begun_by: run.begunBy,
  begun_at: run.begunAt,
  touched_at: run.touchedAt,
  ended_at: run.endedAt,
  table: run.step,
  rows_total: run.rowsTotal,
  rows_done: run.rowsDone,
  rows_changed: run.rowsChanged,
  rows_unreadable: run.rowsUnreadable,
  fault: run.fault,
})

export function keyOperations({
  db,
  keys,
  seal,
  reseals,
  longest,
  log,
}: {
  db: Database
  keys: Ring
  seal: Seal
  reseals: Reseal
  /** Longest lifetime of a record in the state store, in seconds. */
  longest: number
  log: Log
}): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/keys',
      about: 'Lists the published signing keys with their calendar, and past keys.',
      roles: readers,
      answer: z.object({ keys: z.array(published), past: z.array(past) }),
      async handle() {
        const [standing, gone] = [await listCalendar(db), await listKeyHistory(db)]
        return {
          keys: standing.map((row) => ({
            kid: row.kid,
            alg: row.alg,
            state: row.state,
            published_at: row.publishedAt,
            signs_from: row.signsFrom,
            signs_until: row.signsUntil,
            published_until: row.publishedUntil,
          })),
          past: gone.map((row) => ({
            kid: row.kid,
            alg: row.alg,
            state: row.revokedAt === null ? ('retired' as const) : ('revoked' as const),
            published_at: row.publishedAt,
            signs_from: row.signsFrom,
            ended_at: row.endedAt,
            revoked_by: row.revokedBy,
            revoke_reason: row.revokeReason,
          })),
        }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/keys',
      about:
        'Creates the next signing key of an algorithm. It is published at once and signs after the announcement; the first key signs at once.',
      roles: ['security_officer'],
      body: z.strictObject({
        alg: algorithm.default('ES256'),
        /** Seconds between publication and first signature. */
        announce: z
          .number()
          .int()
          .min(
            leastAnnouncement,
            `must be at least ${leastAnnouncement}: portals cache the JWKS for 10 minutes`,
          )
          .max(90 * 24 * 3600)
          .default(usualAnnouncement),
      }),
      status: 201,
      answer: z.object({ kid: z.string(), alg: algorithm, signs_from: moment }),
      refuses: ['state_conflict'],
      async handle({ operator, body: { alg, announce }, reference }) {
        const by = { actor: operator.id, reference }
        const { kid, signsFrom } = await rotateSigningKey({ db, seal, log }, alg, by, announce)
        return { kid, alg, signs_from: signsFrom }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/keys/:kid/revoke',
      about:
        'Revokes a leaked signing key: removed from the JWKS within seconds, and its signatures are no longer accepted.',
      roles: ['security_officer'],
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
      answer: z.object({ revoked: z.string(), signs: z.string() }),
      async handle({ operator, params: { kid }, body: { reason }, reference }) {
        const by = { actor: operator.id, reference, reason }
        const { signs } = await revokeKey({ db, seal, log }, kid, by)
        return { revoked: kid, signs }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/key-ring',
      about: 'Returns how many values each key of the ring seals, and which keys are no longer needed.',
      roles: readers,
      answer: ring,
      // Counting may take longer than the statement timeout of a request.
      handle: () =>
        db.session(async (session) => {
          const report = await reportRing(session, keys, longest)
          return {
            seal: report.seal.map(({ key, tables, needed, stateUntil }) => ({
              key,
              tables,
              needed,
              state_until: stateUntil,
            })),
            index: report.index,
            unreadable: report.unreadable,
            operators_behind: report.operatorsBehind,
          }
        }),
    }),

    operation({
      method: 'POST',
      path: '/v1/reseals',
      about:
        'Starts to re-seal everything at rest under the newest keys of the ring, or continues an unfinished run.',
      roles: ['security_officer'],
      status: 202,
      answer: reseal.extend({ older_key_in_use: z.boolean() }),
      refuses: ['state_conflict'],
      async handle({ operator, reference }) {
        const begun = await reseals.begin({ actor: operator.id, reference })
        return { ...presentReseal(begun), older_key_in_use: begun.olderKeyInUse }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/reseals',
      about: 'Lists the latest re-sealing runs with their progress.',
      roles: readers,
      answer: z.object({ reseals: z.array(reseal) }),
      handle: async () => ({ reseals: (await listReseals(db, 20)).map(presentReseal) }),
    }),

    operation({
      method: 'GET',
      path: '/v1/reseals/:id',
      about: 'Returns one re-sealing run with its progress.',
      roles: readers,
      answer: reseal,
      async handle({ params: { id } }) {
        const run = z.uuid().safeParse(id).success ? await findReseal(db, id) : undefined
        if (run === undefined) throw new BrokerError('not_found')
        return presentReseal(run)
      },
    }),
  ]
}
