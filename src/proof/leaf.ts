/**
 * The audit's proof: rows are hashed, the hashes form Merkle trees, and the roots are chained and signed. Formats with a
 * version number must never change, because today's checkpoints will be verified with them in ten years.
 */
import { hash } from 'node:crypto'
import type { AuditRow } from '../store/audit-rows.ts'

/** All columns of `audit_event` in hashing order; a test compares them with the table. */
export const hashedColumns = [
  'id',
  'at',
  'class',
  'event',
  'client_id',
  'subject_id',
  'actor',
  'reference',
  'salt',
  'detail',
] as const satisfies readonly (keyof AuditRow)[]

const domain = Buffer.from('\u0000vneid-sso-gateway audit row 1\n', 'latin1')
let scratch = Buffer.concat([domain, Buffer.alloc(4096)])

/**
 * SHA-256 over: byte 00 (a leaf, RFC 6962 §2.1), the name of this encoding, and for each column its length in four bytes
 * (big-endian) and its UTF-8, or FFFFFFFF for null. @returns 32 bytes
 */
export function leafOf(row: AuditRow): Buffer {
  let at = domain.length
  for (const column of hashedColumns) {
    const text = row[column]
    if (text === null) {
      at = scratch.writeUInt32BE(0xffffffff, at)
      continue
    }
    // UTF-8 needs at most three bytes per UTF-16 unit; the next column's length field must fit as well.
    const needed = at + 8 + text.length * 3
    if (needed > scratch.length) scratch = Buffer.concat([scratch, Buffer.alloc(needed)])
    const length = scratch.write(text, at + 4)
    scratch.writeUInt32BE(length, at)
    at += 4 + length
  }
  return hash('sha256', scratch.subarray(0, at), 'buffer')
}

/** The row's partition: class and month, such as `login 2026-03`. */
export const partOf = ({ class: of, at }: AuditRow): string => `${of} ${at.slice(0, 7)}`
