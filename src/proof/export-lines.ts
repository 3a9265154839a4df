/** Writes and parses the lines of an export; parsing needs no database. */
import { z } from 'zod'
import type { AuditRow } from '../store/audit-rows.ts'
import { hashedColumns } from './leaf.ts'

const detailAt = ',"detail":'
/** Writes `detail` last and byte for byte, because its exact text is hashed. */
export function rowLine({ detail, ...row }: AuditRow): string {
  return `{"row":${JSON.stringify(row).slice(0, -1)}${detailAt}${detail}}}\n`
}

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'))
const lineSchema = z.union([
  z.strictObject({
    audit: z.strictObject({
      v: z.literal(1),
      made: z.string(),
      whole: z.boolean(),
      keys: z.array(z.record(z.string(), z.unknown())),
    }),
  }),
  z.strictObject({
    checkpoint: z.strictObject({
      number: z.string(),
      header: z.string(),
      signature: base64,
      parts: z.array(
        z.strictObject({
          class: z.string(),
          month: z.string(),
          ids: base64.nullable(),
          leaves: base64.nullable(),
        }),
      ),
    }),
  }),
  z.strictObject({ end: z.strictObject({ rows: z.int(), checkpoints: z.int(), position: z.string() }) }),
])
export type ExportLine = z.output<typeof lineSchema> | { row: AuditRow }
export type ExportedCheckpoint = Extract<ExportLine, { checkpoint: object }>['checkpoint']

/** @throws when it is not a line of an export */
export function parseLine(line: string): ExportLine {
  const parsed = JSON.parse(line) as { row?: AuditRow }
  if (parsed.row === undefined) return lineSchema.parse(parsed)
  // Quotes inside a JSON string are escaped, so the first match of `detailAt` is the field itself.
  const { row } = parsed
  if (!/^-?\d{1,19}$/.test(row.id)) throw new TypeError('id')
  for (const column of hashedColumns) {
    const value: unknown = row[column]
    if (column !== 'detail' && typeof value !== 'string' && value !== null) throw new TypeError(column)
  }
  return { row: { ...row, detail: line.slice(line.indexOf(detailAt) + detailAt.length, -2) } }
}
