/** Random bytes from a page drawn in advance: a call for a dozen costs as much as one for thousands. */
import { randomFillSync } from 'node:crypto'

const page = Buffer.alloc(4096)
let used = page.length

/** @param count at most a page; each byte is handed out once */
export function randomBytesOf(count: number): Buffer {
  if (used + count > page.length) {
    randomFillSync(page)
    used = 0
  }
  const bytes = Buffer.from(page.subarray(used, used + count))
  page.fill(0, used, used + count)
  used += count
  return bytes
}
