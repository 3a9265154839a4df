/**
 * The envelope of the direct dialect: AES ciphertext, whose key is RSA-encrypted for us (docs/operate/start.md). It has no
 * integrity protection, so callers must check the form of the plaintext. Only TLS proves the origin.
 */
import { constants, createDecipheriv, createPrivateKey, privateDecrypt } from 'node:crypto'
import { z } from 'zod'
import { invalidAnswer } from './identity.ts'

export interface Envelope {
  /**
   * @param data base64 AES ciphertext
   * @param key base64 RSA PKCS#1 v1.5 ciphertext of the AES key
   * @throws BrokerError `upstream_answer_invalid`
   */
  open(data: string, key: string): string
  /** Opens a body `{"data","key"}` and parses the JSON inside. @throws as `open` */
  openBody(body: unknown): unknown
}

const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
  .min(4)
const wrapped = z.object({ data: base64, key: base64.max(1400) })
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @param key PEM RSA private key; its public half is registered with VNeID */
export function createEnvelope(mode: 'ecb' | 'cbc', key: string): Envelope {
  const privateKey = createPrivateKey(key)

  const decrypt = (data: string, encryptedKey: string): string => {
    // OpenSSL returns random bytes for bad padding (implicit rejection), so only the length can be checked here.
    const secret = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.from(encryptedKey, 'base64'),
    )
    if (![16, 24, 32].includes(secret.length)) throw new Error('key length')
    const bytes = Buffer.from(data, 'base64')
    const [iv, body] = mode === 'cbc' ? [bytes.subarray(0, 16), bytes.subarray(16)] : [null, bytes]
    const decipher = createDecipheriv(`aes-${secret.length * 8}-${mode}`, secret, iv)
    return utf8.decode(Buffer.concat([decipher.update(body), decipher.final()]))
  }
  return {
    open: (data, encryptedKey) => guarded(() => decrypt(base64.parse(data), base64.parse(encryptedKey))),
    openBody: (body) =>
      guarded(() => {
        const { data, key: encryptedKey } = wrapped.parse(body)
        return JSON.parse(decrypt(data, encryptedKey)) as unknown
      }),
  }
}

/** Throws the same error for every cause. To reveal which step failed would be a padding oracle (Bleichenbacher, Vaudenay). */
function guarded<T>(act: () => T): T {
  try {
    return act()
  } catch {
    throw invalidAnswer('envelope')
  }
}
