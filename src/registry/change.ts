/** Writes one change of a portal: the row, its history and the audit event, in one transaction. */
import type { AuditEvent, AuditName } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { By, Note } from '../recording.ts'
import { insertClient, insertClientChange, setClientState, updateClient } from '../store/client-changes.ts'
import { replaceSecrets, withdrawSecrets } from '../store/client-secrets.ts'
import type { ClientRow, ClientState } from '../store/clients.ts'
import type { Db } from '../store/db.ts'
import { type LifeAct, stateAfter } from './life.ts'
import { type ClientMetadata, needsSecret } from './clients.ts'
import { differences } from './difference.ts'

/** What an applied definition writes. */
interface Definition {
  readonly metadata: ClientMetadata
  /** SHA-256 of a secret that replaces the active ones. Undefined: they stay if the portal still uses a secret. */
  readonly secretHash: Buffer | undefined
}

/** @throws BrokerError `precondition_failed` when the id was registered after the plan was made */
export async function createClient(
  tx: Db,
  note: Note,
  { metadata, secretHash }: Definition,
  by: By,
): Promise<number> {
  const id = metadata.client_id
  if (!(await insertClient(tx, { id, metadata })))
    throw new BrokerError('precondition_failed', `${id}: was registered after the plan was made; plan again`)
  await putSecret(tx, id, { metadata, secretHash })
  await enter(tx, note, { id, version: 1, metadata, action: 'created', ...detailOf(metadata, undefined) }, by)
  return 1
}

/** @param row a row that the transaction has locked @returns the new version */
export async function changeClient(
  tx: Db,
  note: Note,
  row: ClientRow,
  { metadata, secretHash }: Definition,
  by: By,
): Promise<number> {
  const version = await updateClient(tx, { id: row.id, metadata })
  await putSecret(tx, row.id, { metadata, secretHash })
  const change = {
    id: row.id,
    version,
    metadata,
    action: 'changed',
    ...detailOf(metadata, row.metadata),
  } as const
  await enter(tx, note, change, by)
  return version
}

/** @throws BrokerError `state_conflict` when this secret was revoked or has expired */
async function putSecret(
  tx: Db,
  clientId: string,
  { metadata, secretHash: hash }: Definition,
): Promise<void> {
  if (hash === undefined) {
    if (!needsSecret(metadata)) await withdrawSecrets(tx, clientId)
  } else if (!(await replaceSecrets(tx, { clientId, hash })))
    throw new BrokerError(
      'state_conflict',
      `${clientId}: the client_secret was revoked or has expired; generate a new one`,
    )
}

const actions = { activate: 'activated', suspend: 'suspended', retire: 'retired' } as const

/** For a locked row. @throws BrokerError `state_conflict` when the act is not possible in the portal's state */
export async function moveClient(
  tx: Db,
  note: Note,
  { id, state, metadata }: Pick<ClientRow, 'id' | 'state' | 'metadata'>,
  act: LifeAct,
  by: By,
): Promise<{ readonly state: ClientState; readonly version: number }> {
  const next = stateAfter(state, act)
  if (next === undefined) {
    const hint = act === 'retire' && state === 'active' ? '; suspend it first' : ''
    throw new BrokerError(
      'state_conflict',
      `${id}: the portal is ${state === 'draft' ? 'a draft' : state}${hint}`,
    )
  }
  const version = await setClientState(tx, { id, state: next })
  await enter(tx, note, { id, version, metadata, action: actions[act], detail: {} }, by)
  return { state: next, version }
}

async function enter(
  tx: Db,
  note: Note,
  {
    id,
    version,
    metadata,
    action,
    detail,
  }: {
    id: string
    version: number
    metadata: Record<string, unknown>
    action: 'created' | 'changed' | (typeof actions)[LifeAct]
    detail: NonNullable<AuditEvent['detail']>
  },
  { actor, reason, reference }: By,
): Promise<void> {
  await insertClientChange(tx, { clientId: id, actor, action, reason: reason ?? null, version, metadata })
  note({
    event: `client.${action}` satisfies AuditName,
    clientId: id,
    actor,
    reference,
    detail: { version, ...detail },
  })
}

/** The audit names the changed fields without their values; a PKCE exemption is recorded with its reason. */
function detailOf(metadata: ClientMetadata, before: Record<string, unknown> | undefined) {
  const { pkce_exemption: exemption } = metadata.policy
  return {
    detail: {
      ...(before !== undefined && { fields: differences(before, metadata).map(({ path }) => path) }),
      ...(exemption !== undefined && { pkce_exemption: exemption }),
    },
  }
}
