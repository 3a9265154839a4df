/**
 * The citizen, between the two. A trip to VNeID is not stored: its secrets are derived from the interaction,
 * and `state` is bound to the browser that began it. A callback that was not begun here, or in another
 * browser, is recognised before anything is read (RFC 9700 §4.7).
 */
import { createHmac, createSecretKey, type KeyObject, hkdfSync, timingSafeEqual } from 'node:crypto'
import { BrokerError } from '../errors.ts'

interface Secrets {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

export interface Transactions {
  begin(uid: string, browser: string): Secrets
  /** @throws BrokerError `interaction_gone` when this browser did not begin it */
  recognise(state: string | null, browser: string | undefined): Secrets & { readonly uid: string }
}

/** @param keys 32 bytes each, newest first; a trip begun under an older one still comes home */
export function createTransactions(keys: readonly Buffer[]): Transactions {
  const derived = keys.map((key) =>
    createSecretKey(Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'upstream transaction', 32))),
  )
  const mac = (key: KeyObject, ...parts: string[]) =>
    createHmac('sha256', key).update(parts.join('\0')).digest('base64url')
  const bind = (key: KeyObject, uid: string, browser: string) => mac(key, 'state', uid, browser)
  const secrets = (key: KeyObject, uid: string, state: string): Secrets => ({
    state,
    nonce: mac(key, 'nonce', uid),
    codeVerifier: mac(key, 'verifier', uid),
  })

  return {
    begin(uid, browser) {
      const key = derived[0]!
      return secrets(key, uid, `${uid}.${bind(key, uid, browser)}`)
    },
    recognise(state, browser) {
      const [, uid, given] = /^([\w-]{20,64})\.([\w-]{43})$/.exec(state ?? '') ?? []
      if (uid === undefined || given === undefined || browser === undefined)
        throw new BrokerError('interaction_gone')
      const key = derived.find((candidate) =>
        timingSafeEqual(Buffer.from(bind(candidate, uid, browser)), Buffer.from(given)),
      )
      if (key === undefined) throw new BrokerError('interaction_gone', 'begun in another browser')
      return { uid, ...secrets(key, uid, `${uid}.${given}`) }
    },
  }
}
