/**
 * HMAC-SHA-256 (RFC 2104) as two one-shot hashes: the same result as `createHmac` in half the time, because an import
 * computes several for each of ten million rows.
 */
import { hash } from 'node:crypto'

const blockSize = 64

/** @param key at most 64 bytes (RFC 2104 §2); the caller must hash longer keys first @returns 32 bytes */
export function createKeyedHash(key: Buffer): (message: string) => Buffer {
  if (key.length > blockSize) throw new TypeError(`key: must be at most ${blockSize} bytes`)
  const padded = (byte: number, room: number) => {
    const block = Buffer.alloc(blockSize + room)
    block.fill(byte, 0, blockSize)
    for (let index = 0; index < key.length; index++) block[index] = byte ^ key[index]!
    return block
  }
  let inner = padded(0x36, 1024)
  const outer = padded(0x5c, 32)
  return (message) => {
    // UTF-8 needs at most three bytes per UTF-16 unit.
    if (message.length * 3 > inner.length - blockSize) inner = padded(0x36, message.length * 3)
    const end = blockSize + inner.write(message, blockSize)
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockSize, 'latin1')
    return hash('sha256', outer, 'buffer')
  }
}
