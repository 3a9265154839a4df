/**
 * The proof over the audit: rows are hashed, hashes make a tree, roots are chained and signed. What stands in this
 * room and begins with a version is fixed for ever: what is covered today is verified with it in ten years.
 */
import { hash } from 'node:crypto'
import type { AuditRow } from '../store/audit-rows.ts'

/** Every column of the table (a test compares), in the order of their hashing. */
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
 * SHA-256 of 00 (a leaf, RFC 6962 §2.1), the name of this encoding, and each column: its length in four bytes and its
 * UTF-8, or FFFFFFFF for null.
 */
export function leafOf(row: AuditRow): Buffer {
  let at = domain.length
  for (const column of hashedColumns) {
    const text = row[column]
    if (text === null) {
      at = scratch.writeUInt32BE(0xffffffff, at)
      continue
    }
    // UTF-8 takes three bytes for a UTF-16 unit at most; the next column's length must fit as well.
    const needed = at + 8 + text.length * 3
    if (needed > scratch.length) scratch = Buffer.concat([scratch, Buffer.alloc(needed)])
    const length = scratch.write(text, at + 4)
    scratch.writeUInt32BE(length, at)
    at += 4 + length
  }
  return hash('sha256', scratch.subarray(0, at), 'buffer')
}

/** The partition that a row belongs to: `login 2026-03`. */
export const partOf = ({ class: of, at }: AuditRow): string => `${of} ${at.slice(0, 7)}`
