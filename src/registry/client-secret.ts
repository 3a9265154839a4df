/** A portal's secret: generation, hashing, and when to warn before it expires. */
import { createHash, randomBytes } from 'node:crypto'

/** Days before expiry from which warnings are logged. */
export const warnedDays = 30

/** One round of SHA-256 is enough, because the secret is 32 random bytes and cannot be guessed. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Runs where the secret is shown, once; only the hash is sent to the broker. */
export function makeSecret(): { secret: string; hash: Buffer } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, hash: hashSecret(secret) }
}
