/** A portal's secrets: two may be active, so that a secret can be replaced without downtime. */
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type By, type Note, audited } from '../recording.ts'
import { insertClientChange, lockClients } from '../store/client-changes.ts'
import { type SecretRow, insertSecret, revokeSecret, takeEndingSecrets } from '../store/client-secrets.ts'
import { type Database, type Db, isUniqueViolation } from '../store/db.ts'
import type { ClientMetadata } from './clients.ts'
import { warnedDays } from './client-secret.ts'
import { needsSecret } from './clients.ts'

interface Tools {
  readonly db: Database
  readonly log: Log
}

/** @throws BrokerError `not_found`, or `state_conflict` when two are active or the portal does not use a secret */
export async function addSecret(
  tools: Tools,
  secret: { clientId: string; hash: Buffer; expiresAt: Date; othersEnd?: Date | undefined },
  by: By,
): Promise<SecretRow> {
  const { clientId } = secret
  return audited(tools, async (tx, note) => {
    const [row] = await lockClients(tx, [clientId])
    if (row === undefined) throw new BrokerError('not_found', 'there is no portal with this id')
    const metadata = row.metadata as unknown as ClientMetadata
    if (row.state === 'retired') throw new BrokerError('state_conflict', `${clientId}: the portal is retired`)
    if (!needsSecret(metadata))
      throw new BrokerError(
        'state_conflict',
        `${clientId}: authenticates with ${metadata.token_endpoint_auth_method}, which uses no secret`,
      )
    const inserted = await insertSecret(tx, { ...secret, by: by.actor }).catch((error: unknown) => {
      if (!isUniqueViolation(error)) throw error
      throw new BrokerError(
        'state_conflict',
        `${clientId}: this secret is or was already used here; generate a new one`,
      )
    })
    if (inserted === undefined)
      throw new BrokerError('state_conflict', `${clientId}: two secrets are active; revoke one first`)
    await enter(tx, note, 'secret_created', inserted, by)
    return inserted
  })
}

/** Revokes a secret at once, even the last one. @throws BrokerError `not_found` */
export const endSecret = (
  tools: Tools,
  { clientId, id }: { clientId: string; id: string },
  by: By,
): Promise<void> =>
  audited(tools, async (tx, note) => {
    await lockClients(tx, [clientId])
    const ended = await revokeSecret(tx, { clientId, id, by: by.actor })
    if (ended === undefined)
      throw new BrokerError('not_found', 'the portal has no active secret with this id')
    await enter(tx, note, 'secret_revoked', ended, by)
  })

/** Writes the portal's history and the audit event. */
async function enter(
  tx: Db,
  note: Note,
  action: 'secret_created' | 'secret_revoked',
  { id, clientId, expiresAt }: SecretRow,
  { actor, reason, reference }: By,
): Promise<void> {
  const [row] = await lockClients(tx, [clientId])
  const { version, metadata } = row!
  await insertClientChange(tx, { clientId, actor, action, reason: reason ?? null, version, metadata })
  const detail = { secret_id: id, expires_at: expiresAt.toISOString() }
  note({ event: `client.${action}`, clientId, actor, reference, detail })
}

/** Logs one line a day, on one node, for each secret that expires soon. */
export async function warnOfEndingSecrets({ db, log }: { db: Db; log: Log }): Promise<void> {
  for (const { id, clientId, expiresAt, hasSuccessor } of await takeEndingSecrets(db, warnedDays))
    log.warn({
      event: 'client.secret_ends',
      client: clientId,
      secret_id: id,
      expires_at: expiresAt,
      has_successor: hasSuccessor,
    })
}
