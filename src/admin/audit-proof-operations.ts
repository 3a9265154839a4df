/** Operations on the audit's proof: checkpoints, their public keys, and the export for verification elsewhere. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { record } from '../recording.ts'
import { exportAudit } from '../proof/export.ts'
import { publicAuditKeys, replaceAuditKey } from '../proof/keys.ts'
import { hashOfCheckpoint, readHeader } from '../proof/checkpoint-header.ts'
import type { Checkpointer } from '../proof/checkpointer.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { type StoredCheckpoint, findLastCheckpoint, listCheckpoints } from '../store/audit-checkpoints.ts'
import type { Database } from '../store/db.ts'
import { auditCursor, span } from './audit-operations.ts'
import { type Operation, operation } from './operation.ts'
import { limit, pageEnd, pageOf } from './paging.ts'

const checkpointAnswer = z
  .strictObject({
    checkpoint: z.int(),
    at: z.string(),
    /** The checkpoint covers the rows with `from` < id <= `to`. */
    from: z.string(),
    to: z.string(),
    rows: z.int(),
    key: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditCheckpoint' })
export type CheckpointAnswer = z.output<typeof checkpointAnswer>

/** @param seal the seal with the purpose `signing key` */
export function auditProofOperations({
  db,
  log,
  checkpointer,
  seal,
}: {
  db: Database
  log: Log
  checkpointer: Checkpointer
  seal: Seal
}): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/audit/checkpoints',
      about: 'Lists the checkpoints of the audit, oldest first.',
      roles: ['auditor', 'security_officer'],
      query: z.strictObject({ ...span, after: auditCursor.optional(), limit }),
      answer: z.strictObject({ checkpoints: z.array(checkpointAnswer), ...pageEnd }),
      async handle({ query: { after, limit: longest, from, to } }) {
        const listed = await listCheckpoints(db, { after: after ?? '0', from, to, limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ number }) => number)
        return { checkpoints: rows.map(presentCheckpoint), ...end }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/audit/checkpoints',
      about:
        'Makes a checkpoint over the committed rows now, instead of within seconds. Returns the latest checkpoint.',
      roles: ['auditor', 'security_officer'],
      // The checkpointer makes the same checkpoints on its own, so this changes nothing that an operator decides.
      readsOnly: true,
      answer: z.strictObject({ rows: z.int(), head: checkpointAnswer.nullable() }),
      async handle() {
        const rows = await checkpointer.checkpoint(10_000)
        const last = await findLastCheckpoint(db)
        return { rows, head: last === undefined ? null : presentCheckpoint(last) }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/audit/keys',
      about:
        'Returns the public keys of the checkpoints as a JWK set. Keep a copy where the database’s administrators cannot change it.',
      roles: ['auditor', 'security_officer'],
      answer: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) }),
      handle: () => publicAuditKeys(db),
    }),

    operation({
      method: 'POST',
      path: '/v1/audit/keys',
      about: 'Creates a new key for the checkpoints. Signatures of older keys stay valid.',
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
        'Exports the audit and its checkpoints as NDJSON, in full or for a time span. The export is audited.',
      roles: ['auditor'],
      query: z.strictObject(span),
      produces: 'application/x-ndjson',
      async handle({ operator, query: { from, to }, reference: own, ctx }) {
        const detail = { ...(from && { from: from.toISOString() }), ...(to && { to: to.toISOString() }) }
        await record({ db, log }, [{ event: 'audit.exported', actor: operator.id, reference: own, detail }])
        ctx.type = 'application/x-ndjson'
        ctx.body = Readable.from(exportAudit(db, { from, to }), { highWaterMark: 4 })
      },
    }),
  ]
}

function presentCheckpoint({ number, header: text }: StoredCheckpoint): CheckpointAnswer {
  const header = readHeader(text)
  const { at = '', from = '', to = '', key = '', parts = [] } = header ?? {}
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  return { checkpoint: Number(number), at, from, to, rows, key, hash: hashOfCheckpoint(text) }
}
