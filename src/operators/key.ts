/** The key with which a machine, or a person's program, authenticates. */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { type JWK, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'

const coordinate = z.string().regex(/^[\w-]{43}$/, 'must be 32 bytes in base64url')
/** Optional fields that key tools write; `kty` and `crv` already determine them. */
const optional = {
  kid: z.string().optional(),
  use: z.literal('sig').optional(),
  alg: z.enum(['ES256', 'EdDSA', 'Ed25519']).optional(),
}
/** A public key: the strict object refuses `d`. Optional fields are dropped, so that equal keys are equal values. */
export const publicKey = z
  .discriminatedUnion('kty', [
    z
      .strictObject({
        kty: z.literal('EC'),
        crv: z.literal('P-256'),
        x: coordinate,
        y: coordinate,
        ...optional,
      })
      .transform(({ kty, crv, x, y }) => ({ kty, crv, x, y })),
    z
      .strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate, ...optional })
      .transform(({ kty, crv, x }) => ({ kty, crv, x })),
  ])
  .refine((key) => isKey(key), 'must be a valid point on its curve')
  .meta({ description: 'A public key as a JWK (RFC 7517): a point on its curve.' })

function isKey(key: JsonWebKey): boolean {
  try {
    return createPublicKey({ format: 'jwk', key }).type === 'public'
  } catch {
    return false
  }
}

export const algorithmOf = ({ kty }: JWK): 'ES256' | 'EdDSA' => (kty === 'EC' ? 'ES256' : 'EdDSA')

/** The content of an operator's key file: operator id, audience of its assertions, private key. */
export interface OperatorKey {
  readonly operator: string
  readonly audience: string
  /** Private JWK. */
  readonly key: JWK
}

export async function generateOperatorKey(): Promise<{
  privateKey: JWK
  publicKey: z.output<typeof publicKey>
}> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  return {
    privateKey: await exportJWK(pair.privateKey),
    publicKey: publicKey.parse(await exportJWK(pair.publicKey)),
  }
}
