import { hash } from 'node:crypto'

const size = 32

/**
 * The Merkle tree hash of RFC 6962 §2.1. Pairs are hashed with the prefix 01; an odd last node moves up unchanged.
 * @param leaves concatenated 32-byte leaf hashes, at least one @returns 32 bytes
 */
export function rootOf(leaves: Buffer): Buffer {
  if (leaves.length === 0 || leaves.length % size !== 0)
    throw new TypeError('leaves: must be one or more hashes of 32 bytes')
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
