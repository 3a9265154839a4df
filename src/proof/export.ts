/** Exports the audit as NDJSON: a head, each checkpoint followed by its rows, the rows not yet covered, an end. */
import { readAuditRows } from '../store/audit-rows.ts'
import {
  type StoredCheckpoint,
  findPosition,
  holdRetention,
  listCheckpointParts,
  listCheckpoints,
} from '../store/audit-checkpoints.ts'
import type { Db } from '../store/db.ts'
import { rowLine } from './export-lines.ts'
import { publicAuditKeys } from './keys.ts'
import { readHeader } from './checkpoint-header.ts'

const first = '-9223372036854775808'
const last = '9223372036854775807'
const page = 2_000

export interface Span {
  /** Limits by the time of the checkpoints. */
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** Yields pieces of several lines. An export that broke off has no `end` line. */
export async function* exportAudit(db: Db, { from, to }: Span): AsyncGenerator<string> {
  const isWhole = from === undefined && to === undefined
  const position = await findPosition(db)
  const head = {
    v: 1,
    made: new Date().toISOString(),
    whole: isWhole,
    keys: (await publicAuditKeys(db)).keys,
  }
  yield `${JSON.stringify({ audit: head })}\n`
  let [rows, checkpoints, seen, next] = [0, 0, '0', isWhole ? first : undefined]
  for (;;) {
    const [stored] = await listCheckpoints(db, { after: seen, from, to, limit: 1 })
    if (stored === undefined) break
    // Without a readable header the rows of this checkpoint are unknown; they follow the next checkpoint.
    const header = readHeader(stored.header)
    const lines: string[] = []
    // Holds retention off, which deletes both rows and hashes, so that they are consistent.
    await db.transaction(async (tx) => {
      await holdRetention(tx)
      lines.push(await checkpointLine(tx, stored))
      next ??= after(header?.from ?? '0')
      for (let full = header !== undefined; full;) {
        const read = await readAuditRows(tx, { from: next, to: header!.to, limit: page })
        full = read.length >= page
        if (read.length > 0) lines.push(read.map(rowLine).join(''))
        if (full) next = after(read.at(-1)!.id)
        rows += read.length
      }
      if (header !== undefined && BigInt(header.to) >= BigInt(next)) next = after(header.to)
    })
    seen = stored.number
    checkpoints++
    yield* lines
  }
  if (isWhole) {
    for (let full = true; full;) {
      const read = await readAuditRows(db, { from: next!, to: last, limit: page })
      full = read.length >= page
      rows += read.length
      if (full) next = after(read.at(-1)!.id)
      yield read.map(rowLine).join('')
    }
  }
  yield `${JSON.stringify({ end: { rows, checkpoints, position } })}\n`
}

const after = (id: string) => String(BigInt(id) + 1n)

async function checkpointLine(tx: Db, { number, header, signature }: StoredCheckpoint) {
  const parts = (await listCheckpointParts(tx, number)).map(({ class: of, month, ids, leaves }) => ({
    class: of,
    month,
    ids: ids && ids.toString('base64'),
    leaves: leaves && leaves.toString('base64'),
  }))
  return `${JSON.stringify({ checkpoint: { number, header, signature: signature.toString('base64'), parts } })}\n`
}
