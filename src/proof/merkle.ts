import { hash } from 'node:crypto'

const size = 32

/**
 * The Merkle tree hash of RFC 6962 §2.1 over leaf hashes that stand one after another: pairs are joined under 01, and
 * one that is left over rises as it is.
 */
export function rootOf(leaves: Buffer): Buffer {
  if (leaves.length === 0 || leaves.length % size !== 0) throw new TypeError('whole hashes, at least one')
  const level = Buffer.from(leaves)
  const pair = Buffer.alloc(1 + 2 * size, 1)
  let count = leaves.length / size
  while (count > 1) {
    const pairs = count >> 1
    for (let index = 0; index < pairs; index++) {
      level.copy(pair, 1, index * 2 * size, (index + 1) * 2 * size)
      hash('sha256', pair, 'buffer').copy(level, index * size)
    }
    if (count % 2 === 1) level.copy(level, pairs * size, (count - 1) * size, count * size)
    count = pairs + (count % 2)
  }
  return Buffer.from(level.subarray(0, size))
}
