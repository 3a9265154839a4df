/** Signing keys: generated here, kept sealed in the database, published by the engine. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { ExternalSigningKey, type JWKS } from 'oidc-provider'
import { announce } from '../audit.ts'
import type { AuditEvent } from '../audit.ts'
import type { Log } from '../log.ts'
import type { Seal } from '../seal.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Db } from '../store/db.ts'
import { insertSigningKey, listSigningKeys } from '../store/keys.ts'

export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** @returns the new key's `kid`, its RFC 7638 thumbprint */
export async function generateSigningKey(
  { db, seal, log }: { db: Db; seal: Seal; log: Log },
  alg: SigningAlgorithm,
): Promise<string> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  const publicJwk = {
    ...(await exportJWK(createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })))),
    kid,
    alg,
    use: 'sig',
  }
  const events: AuditEvent[] = [{ event: 'key.generated', actor: 'operator', detail: { kid, alg } }]
  await db.transaction(async (tx) => {
    await insertSigningKey(tx, { kid, alg, public: publicJwk, sealed: seal.seal(JSON.stringify(jwk), kid) })
    await insertAuditEvents(tx, events)
  })
  announce(log, events)
  return kid
}

/** @returns undefined when there is one of that algorithm already */
export async function ensureSigningKey(
  tools: { db: Db; seal: Seal; log: Log },
  alg: SigningAlgorithm,
): Promise<string | undefined> {
  const rows = await listSigningKeys(tools.db)
  return rows.some((row) => row.alg === alg) ? undefined : generateSigningKey(tools, alg)
}

/** @throws when there is no key at all, or one cannot be opened with the key ring */
export async function loadSigningKeys({ db, seal }: { db: Db; seal: Seal }): Promise<JWKS> {
  const rows = await listSigningKeys(db)
  if (!rows.some((row) => row.alg === 'ES256')) {
    throw new Error('no ES256 signing key: run "npm run cli -- keys generate" once')
  }
  const keys = rows.map(({ kid, alg, sealed }) => {
    const jwk = { ...(JSON.parse(seal.open(sealed, kid)) as Record<string, unknown>), kid, alg, use: 'sig' }
    return alg === 'ES256' ? new Es256Key(kid, createPrivateKey({ key: jwk, format: 'jwk' })) : jwk
  })
  return { keys }
}

/** One synchronous call instead of a round through the thread pool, which costs more than the signature. */
class Es256Key extends ExternalSigningKey {
  readonly #private: KeyObject
  readonly #public: KeyObject

  constructor(kid: string, key: KeyObject) {
    super()
    this.#private = key
    this.#public = createPublicKey(key)
    // The typings declare both read-only; the class has setters.
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
 * DER (RFC 3279 §2.2.3) → the two 32-byte numbers of JWS (RFC 7518 §3.4). Node does it too, when it is given the
 * key in an object of options; unwrapping that takes longer than the signature.
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
