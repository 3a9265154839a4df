/** The proof over the audit: seals, their public keys, the export that is verified elsewhere. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { record } from '../recording.ts'
import { exportAudit } from '../proof/export.ts'
import { publicAuditKeys, replaceAuditKey } from '../proof/keys.ts'
import { hashOfSeal, readHeader } from '../proof/seal-header.ts'
import type { Sealer } from '../proof/sealer.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { type StoredSeal, findLastSeal, listSeals } from '../store/audit-seals.ts'
import type { Database } from '../store/db.ts'
import { auditCursor, span } from './audit-operations.ts'
import { type Operation, operation } from './operation.ts'
import { limit, pageEnd, pageOf } from './paging.ts'

const sealTold = z
  .strictObject({
    seal: z.int(),
    at: z.string(),
    /** The seal covers the rows whose id is above `from` and not above `to`. */
    from: z.string(),
    to: z.string(),
    rows: z.int(),
    key: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditSeal' })
export type SealTold = z.output<typeof sealTold>

/** @param seal for `signing key` */
export function auditProofOperations({
  db,
  log,
  sealer,
  seal,
}: {
  db: Database
  log: Log
  sealer: Sealer
  seal: Seal
}): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/audit/seals',
      about: 'The seals over the audit, the oldest first.',
      roles: ['auditor', 'security_officer'],
      query: z.strictObject({ ...span, after: auditCursor.optional(), limit }),
      answer: z.strictObject({ seals: z.array(sealTold), ...pageEnd }),
      async handle({ query: { after, limit: longest, from, to } }) {
        const listed = await listSeals(db, { after: after ?? '0', from, to, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ number }) => number)
        return { seals: rows.map(tellSeal), ...end }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/audit/seals',
      about: 'Seals now what has been committed, instead of within seconds; answers the last seal.',
      roles: ['auditor', 'security_officer'],
      // They would have been made without it.
      readsOnly: true,
      answer: z.strictObject({ rows: z.int(), head: sealTold.nullable() }),
      async handle() {
        const rows = await sealer.seal(10_000)
        const last = await findLastSeal(db)
        return { rows, head: last === undefined ? null : tellSeal(last) }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/audit/keys',
      about:
        'The public keys of the seals, as a JWK set: to be kept where the database’s owners have no hand in it.',
      roles: ['auditor', 'security_officer'],
      answer: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) }),
      handle: () => publicAuditKeys(db),
    }),

    operation({
      method: 'POST',
      path: '/v1/audit/keys',
      about: 'A new key for the seals; what the old ones have signed stays good.',
      roles: ['security_officer'],
      status: 201,
      answer: z.strictObject({ kid: z.string() }),
      async handle({ operator, reference: own }) {
        return { kid: await replaceAuditKey({ db, seal, log }, { actor: operator.id, reference: own }) }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/audit/export',
      about:
        'The audit with its seals as lines of JSON, all of it or the seals of a span of time; the export is audited.',
      roles: ['auditor'],
      query: z.strictObject(span),
      produces: 'application/x-ndjson',
      async handle({ operator, query: { from, to }, reference: own, ctx }) {
        const told = { ...(from && { from: from.toISOString() }), ...(to && { to: to.toISOString() }) }
        await record({ db, log }, [
          { event: 'audit.exported', actor: operator.id, reference: own, detail: told },
        ])
        ctx.type = 'application/x-ndjson'
        ctx.body = Readable.from(exportAudit(db, { from, to }), { highWaterMark: 4 })
      },
    }),
  ]
}

function tellSeal({ number, header: text }: StoredSeal): SealTold {
  const header = readHeader(text)
  const { at = '', from = '', to = '', key = '', parts = [] } = header ?? {}
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  return { seal: Number(number), at, from, to, rows, key, hash: hashOfSeal(text) }
}
