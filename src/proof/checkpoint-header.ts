/** The header of a checkpoint: signed, and chained to the previous checkpoint by its hash. */
import { type KeyObject, createPublicKey, hash, sign, verify } from 'node:crypto'
import { z } from 'zod'

const digits = z.string().regex(/^\d{1,19}$/)
const digest = z.string().regex(/^[0-9a-f]{64}$/)

const part = z.strictObject({
  class: z.string(),
  month: z.string().regex(/^\d{4}-\d\d$/),
  rows: z.int().positive(),
  /** Merkle root over the rows of this class and month, in the order of their ids. */
  root: digest,
})
const header = z.strictObject({
  v: z.literal(1),
  checkpoint: z.int().positive(),
  /** Hash of the previous checkpoint; 64 zeros for the first. */
  previous: digest,
  /** The checkpoint covers exactly the rows with `from` < id <= `to`. */
  from: digits,
  to: digits,
  at: z.iso.datetime({ precision: 3 }),
  /** RFC 7638 thumbprint of the signing key. */
  key: z.string(),
  parts: z.array(part).min(1),
})
export type CheckpointHeader = z.output<typeof header>

export const nothingBefore = '0'.repeat(64)

/** Hash and signature cover the stored text, so verification does not depend on JSON serialisation. */
const signed = (text: string) => Buffer.from(`vneid-sso-gateway audit checkpoint 1\n${text}`)

export const hashOfCheckpoint = (text: string): string => hash('sha256', signed(text), 'hex')

export function signHeader(content: CheckpointHeader, key: KeyObject): { text: string; signature: Buffer } {
  const text = JSON.stringify(header.parse(content))
  return { text, signature: sign(null, signed(text), key) }
}

/** @returns undefined when the text is not a valid header */
export function readHeader(text: string): CheckpointHeader | undefined {
  try {
    return header.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

export const isSignedBy = (text: string, signature: Buffer, key: KeyObject): boolean =>
  verify(null, signed(text), key, signature)

const publicKeys = z.object({
  keys: z.array(
    z.looseObject({ kid: z.string(), kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() }),
  ),
})

/** @param jwks parsed JWK set @returns keys by `kid` @throws when it is not a JWK set of Ed25519 keys */
export function readPublicKeys(jwks: unknown): Map<string, KeyObject> {
  const { keys } = publicKeys.parse(jwks)
  return new Map(
    keys.map(({ kid, kty, crv, x }) => [kid, createPublicKey({ format: 'jwk', key: { kty, crv, x } })]),
  )
}
