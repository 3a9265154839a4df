/** Compares the fast keyed hash with that of Node. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKeyedHash } from '../../src/crypto/keyed-hash.ts'
import { search } from '../support/random-search.ts'

test('a keyed hash is HMAC-SHA-256: the second case of RFC 4231', () => {
  const keyed = createKeyedHash(Buffer.from('Jefe'))
  expect(keyed('what do ya want for nothing?').toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
})

test('for any key and messages, also a short one after a long one, it equals the result of node:crypto', () => {
  const key = fc.uint8Array({ maxLength: 64 })
  // Characters of one to four bytes, and half of a surrogate pair.
  const unit = fc.constantFrom('a', '\0', 'đ', 'ế', '😀', '\ud800')
  const message = fc.string({ unit, maxLength: 3_000, size: 'max' })
  const messages = fc.array(message, {
    minLength: 2,
    maxLength: 6,
  })
  fc.assert(
    fc.property(key, messages, (bytes, texts) => {
      const keyed = createKeyedHash(Buffer.from(bytes))
      for (const text of texts) expect(keyed(text)).toEqual(createHmac('sha256', bytes).update(text).digest())
    }),
    search(30),
  )
})

test('a key longer than the hash accepts is refused', () => {
  expect(() => createKeyedHash(Buffer.alloc(65))).toThrow('64 bytes')
})
