/** The key that signs the seals: made with the first of them, kept sealed beside the signing keys, used for nothing else. */
import { type KeyObject, createPrivateKey } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { type AuditEvent, announce } from '../audit.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { type AuditKeyRow, insertAuditKey, listAuditKeys, lockAuditKeys } from '../store/audit-seals.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Database, Db } from '../store/db.ts'

export interface AuditKey {
  readonly kid: string
  readonly private: KeyObject
}

/** Makes the first key, unless there is one. @param seal for `signing key`: what re-seals those takes this as well */
export async function ensureAuditKey({
  db,
  seal,
  log,
}: {
  db: Database
  seal: Seal
  log: Log
}): Promise<void> {
  if ((await listAuditKeys(db)).length > 0) return
  const events = await db.transaction(async (tx) => {
    await lockAuditKeys(tx)
    return (await listAuditKeys(tx)).length > 0 ? [] : [await insertNewKey(tx, seal, { actor: 'system' })]
  })
  announce(log, events)
}

/** From the next seal on it signs; what older keys have signed stays good. @returns its `kid` */
export async function replaceAuditKey(
  { db, seal, log }: { db: Database; seal: Seal; log: Log },
  by: Pick<AuditEvent, 'actor' | 'reference'>,
): Promise<string> {
  const event = await db.transaction(async (tx) => {
    await lockAuditKeys(tx)
    return insertNewKey(tx, seal, by)
  })
  announce(log, [event])
  return event.detail.kid
}

async function insertNewKey(tx: Db, seal: Seal, by: Pick<AuditEvent, 'actor' | 'reference'>) {
  const pair = await generateKeyPair('EdDSA', { extractable: true })
  const open = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(open)
  const alg = 'EdDSA'
  const sealed = seal.seal(JSON.stringify(await exportJWK(pair.privateKey)), kid)
  await insertAuditKey(tx, { kid, alg, public: { ...open, kid, alg, use: 'sig' }, sealed })
  const event = { event: 'key.generated', ...by, detail: { kid, alg, purpose: 'audit' } } as const
  await insertAuditEvents(tx, [event])
  return event
}

export const openAuditKey = ({ kid, sealed }: AuditKeyRow, seal: Seal): AuditKey => ({
  kid,
  private: createPrivateKey({
    key: JSON.parse(seal.open(sealed, kid)) as Record<string, string>,
    format: 'jwk',
  }),
})

/** A JWK set, public halves only, the one that signs first. */
export async function publicAuditKeys(db: Db): Promise<{ keys: Record<string, unknown>[] }> {
  const rows = await listAuditKeys(db)
  return { keys: rows.map((row) => row.public) }
}
