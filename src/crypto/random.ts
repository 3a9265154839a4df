/** Random bytes from a buffer that is filled in advance, because a system call for 12 bytes costs as much as for 4096. */
import { randomFillSync } from 'node:crypto'

const page = Buffer.alloc(4096)
let used = page.length

/** @param count at most 4096; each byte is returned only once */
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
