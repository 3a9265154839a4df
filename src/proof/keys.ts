/** The audit key: signs checkpoints and nothing else. It is created before the first checkpoint and stored sealed. */
import { type KeyObject, createPrivateKey } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { type By, type Note, audited } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { type AuditKeyRow, insertAuditKey, listAuditKeys, lockAuditKeys } from '../store/audit-checkpoints.ts'
import type { Database, Db } from '../store/db.ts'

export interface AuditKey {
  readonly kid: string
  readonly private: KeyObject
}

interface Tools {
  readonly db: Database
  /** The seal with the purpose `signing key`; re-sealing covers the audit keys too. */
  readonly seal: Seal
  readonly log: Log
}

/** Creates the first key if there is none. */
export async function ensureAuditKey({ seal, ...tools }: Tools): Promise<void> {
  if ((await listAuditKeys(tools.db)).length > 0) return
  await audited(tools, async (tx, note) => {
    await lockAuditKeys(tx)
    if ((await listAuditKeys(tx)).length === 0) await insertNewKey(tx, note, seal, { actor: 'system' })
  })
}

/** Creates a key that signs from the next checkpoint on. Older signatures stay valid. @returns its `kid` */
export const replaceAuditKey = ({ seal, ...tools }: Tools, by: By): Promise<string> =>
  audited(tools, async (tx, note) => {
    await lockAuditKeys(tx)
    return insertNewKey(tx, note, seal, by)
  })

async function insertNewKey(tx: Db, note: Note, seal: Seal, { actor, reference }: By): Promise<string> {
  const pair = await generateKeyPair('EdDSA', { extractable: true })
  const open = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(open)
  const alg = 'EdDSA'
  const sealed = seal.seal(JSON.stringify(await exportJWK(pair.privateKey)), kid)
  await insertAuditKey(tx, { kid, alg, public: { ...open, kid, alg, use: 'sig' }, sealed })
  note({ event: 'key.generated', actor, reference, detail: { kid, alg, purpose: 'audit' } })
  return kid
}

export const openAuditKey = ({ kid, sealed }: AuditKeyRow, seal: Seal): AuditKey => ({
  kid,
  private: createPrivateKey({
    key: JSON.parse(seal.open(sealed, kid)) as Record<string, string>,
    format: 'jwk',
  }),
})

/** A JWK set of the public keys, the current key first. */
export async function publicAuditKeys(db: Db): Promise<{ keys: Record<string, unknown>[] }> {
  const rows = await listAuditKeys(db)
  return { keys: rows.map((row) => row.public) }
}
