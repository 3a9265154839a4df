/** Signing keys in the engine's form: keys that sign, and keys that only verify. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { ExternalSigningKey, type JWK } from 'oidc-provider'
import type { SigningAlgorithm } from '../vocabulary.ts'

export interface NewKey {
  /** The RFC 7638 thumbprint. */
  readonly kid: string
  readonly private: object
  readonly public: Record<string, unknown>
}

export async function makeKey(alg: SigningAlgorithm): Promise<NewKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  // A command line would take it for an option.
  if (kid.startsWith('-')) return makeKey(alg)
  const half = await exportJWK(createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })))
  return { kid, private: jwk, public: { ...half, kid, alg, use: 'sig' } }
}

/** @param jwk the private key */
export function signingKey(kid: string, alg: string, jwk: Record<string, unknown>): JWK | ExternalSigningKey {
  return alg === 'ES256'
    ? new Es256Key(kid, createPrivateKey({ key: jwk, format: 'jwk' }))
    : { ...jwk, kid, alg, use: 'sig' }
}

/** A key that is announced, or no longer signs. It can only verify. */
export class PublicKey extends ExternalSigningKey {
  readonly #public: KeyObject

  constructor(kid: string, alg: string, jwk: Record<string, unknown>) {
    super()
    this.#public = createPublicKey({ key: jwk, format: 'jwk' })
    // The typings declare both read-only; the class has setters.
    Object.assign(this, { kid, alg })
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(): never {
    throw new Error('only the current key may sign')
  }
}

/** Signs in one synchronous call. A call through the thread pool costs more than the signature. */
class Es256Key extends ExternalSigningKey {
  readonly #private: KeyObject
  readonly #public: KeyObject

  constructor(kid: string, key: KeyObject) {
    super()
    this.#private = key
    this.#public = createPublicKey(key)
    Object.assign(this, { kid, alg: 'ES256' })
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(data: Uint8Array): Buffer {
    return rawSignature(sign('sha256', data, this.#private))
  }
}

/**
 * DER (RFC 3279 §2.2.3) → the two 32-byte numbers of JWS (RFC 7518 §3.4). Node can do this too if it gets the key in an
 * object of options, but reading these options takes longer than the signature.
 */
function rawSignature(der: Buffer): Buffer {
  const raw = Buffer.alloc(64)
  let at = 2
  for (const end of [32, 64]) {
    const length = der[at + 1]!
    const number = der.subarray(at + 2, at + 2 + length)
    const digits = number.subarray(Math.max(0, length - 32))
    digits.copy(raw, end - digits.length)
    at += 2 + length
  }
  return raw
}
