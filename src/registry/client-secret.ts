/** A portal's secret: how it is made and kept, and when its end is announced. */
import { createHash, randomBytes } from 'node:crypto'

/** Days before its end from which a warning is given. */
export const warnedDays = 30

/** Secrets are long and random, so one round of SHA-256 keeps them: there is nothing to guess. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Made where it is shown, this once; only the hash is sent on. */
export function makeSecret(): { secret: string; hash: Buffer } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, hash: hashSecret(secret) }
}
