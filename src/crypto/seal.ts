/**
 * Cryptography over bytes, independent of their meaning: seals (this file), keyed hashes and random bytes. A seal is
 * authenticated encryption under a ring of keys: the first key seals, all keys open.
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, hkdfSync } from 'node:crypto'
import { randomBytesOf } from './random.ts'

export interface Seal {
  /** AES-256-GCM. `context` is authenticated and must be equal when opening. */
  seal(plain: string, context: string | Buffer): Buffer
  /** @throws when the key is not in the ring, the context differs, or a byte was altered */
  open(sealed: Buffer, context: string | Buffer): string
}

/**
 * Layout: 4 bytes key id · 12 bytes nonce · 16 bytes tag · ciphertext.
 * @param ring 32-byte keys, the sealing one first
 * @param purpose separates the uses of one ring (HKDF-SHA-256, RFC 5869)
 */
export function createSeal(ring: readonly Buffer[], purpose: string): Seal {
  const keys = ring.map((secret) => {
    const key = derive(secret, purpose)
    // A KeyObject, because Node validates a raw key at each use, which costs more than the cipher.
    return { id: idOf(key), key: createSecretKey(key) }
  })
  const [current] = keys
  if (current === undefined) throw new TypeError('a seal needs at least one key')

  return {
    seal(plain, context) {
      const nonce = randomBytesOf(12)
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce).setAAD(bytesOf(context))
      const body = cipher.update(plain, 'utf8')
      cipher.final()
      return Buffer.concat([current.id, nonce, cipher.getAuthTag(), body])
    },
    open(sealed, context) {
      const id = sealed.subarray(0, 4)
      const entry = keys.find((candidate) => candidate.id.equals(id))
      if (entry === undefined || sealed.length < 32)
        throw new Error('sealed under a key that is not in the ring')
      const decipher = createDecipheriv('aes-256-gcm', entry.key, sealed.subarray(4, 16), {
        authTagLength: 16,
      })
        .setAAD(bytesOf(context))
        .setAuthTag(sealed.subarray(16, 32))
      return decipher.update(sealed.subarray(32), undefined, 'utf8') + decipher.final('utf8')
    },
  }
}

/** Length of the key id at the start of sealed bytes. */
export const sealIdLength = 4

/** The key ids for this purpose, one per key of the ring. */
export const sealIds = (ring: readonly Buffer[], purpose: string): Buffer[] =>
  ring.map((secret) => idOf(derive(secret, purpose)))

const derive = (secret: Buffer, purpose: string) =>
  Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `vneid-sso-gateway ${purpose}`, 32))
const idOf = (key: Buffer) => createHash('sha256').update(key).digest().subarray(0, sealIdLength)

const bytesOf = (context: string | Buffer) => (typeof context === 'string' ? Buffer.from(context) : context)
