/** The audit as lines of JSON: a head, each seal with its rows after it, the rows not yet sealed, an end. */
import { readAuditRows } from '../store/audit-rows.ts'
import {
  type StoredSeal,
  findPosition,
  holdRetention,
  listSealParts,
  listSeals,
} from '../store/audit-seals.ts'
import type { Db } from '../store/db.ts'
import { rowLine } from './export-lines.ts'
import { publicAuditKeys } from './keys.ts'
import { readHeader } from './seal-header.ts'

const first = '-9223372036854775808'
const last = '9223372036854775807'
const page = 2_000

export interface Span {
  /** By the seals' own times. */
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** The export in pieces of many lines. A broken one lacks its last line. */
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
  let [rows, seals, seen, next] = [0, 0, '0', isWhole ? first : undefined]
  for (;;) {
    const [stored] = await listSeals(db, { after: seen, from, to, limit: 1 })
    if (stored === undefined) break
    // One that cannot be read says nothing of its rows: they come with the next.
    const header = readHeader(stored.header)
    const lines: string[] = []
    // Rows and hashes of one moment: retention takes both.
    await db.transaction(async (tx) => {
      await holdRetention(tx)
      lines.push(await sealLine(tx, stored))
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
    seals++
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
  yield `${JSON.stringify({ end: { rows, seals, position } })}\n`
}

const after = (id: string) => String(BigInt(id) + 1n)

async function sealLine(tx: Db, { number, header, signature }: StoredSeal) {
  const parts = (await listSealParts(tx, number)).map(({ class: of, month, ids, leaves }) => ({
    class: of,
    month,
    ids: ids && ids.toString('base64'),
    leaves: leaves && leaves.toString('base64'),
  }))
  return `${JSON.stringify({ seal: { number, header, signature: signature.toString('base64'), parts } })}\n`
}
