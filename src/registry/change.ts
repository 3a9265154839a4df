/** What is done to one portal of the registry: the row, its history and the audit event, in one transaction. */
import type { AuditEvent, AuditName } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import { insertAuditEvents } from '../store/audit.ts'
import { insertClient, insertClientChange, setClientState, updateClient } from '../store/client-changes.ts'
import type { ClientRow, ClientState } from '../store/clients.ts'
import type { Db } from '../store/db.ts'
import { type LifeAct, stateAfter } from './life.ts'
import type { ClientMetadata } from './clients.ts'
import { differences } from './difference.ts'

/** Who does it and why. */
export interface Deed {
  /** An operator's id, or the word for one of our own (`audit.ts`). */
  readonly actor: string
  readonly reason?: string | undefined
  readonly reference?: string | undefined
}

/** What has been done, to be announced once the transaction has committed. */
export interface Done {
  readonly version: number
  readonly events: readonly AuditEvent[]
}

/** @throws BrokerError `precondition_failed` when somebody else has registered the id meanwhile */
export async function createClient(
  tx: Db,
  { metadata, secretHash }: { metadata: ClientMetadata; secretHash: Buffer | null },
  deed: Deed,
): Promise<Done> {
  const id = metadata.client_id
  if (!(await insertClient(tx, { id, metadata, secretHash })))
    throw new BrokerError('precondition_failed', `${id}: somebody has registered it meanwhile`)
  return enter(tx, { id, version: 1, metadata, action: 'created', ...told(metadata, undefined) }, deed)
}

/** Of a row that the transaction holds. */
export async function changeClient(
  tx: Db,
  row: ClientRow,
  { metadata, secretHash }: { metadata: ClientMetadata; secretHash: Buffer | null },
  deed: Deed,
): Promise<Done> {
  const version = await updateClient(tx, { id: row.id, metadata, secretHash })
  return enter(
    tx,
    { id: row.id, version, metadata, action: 'changed', ...told(metadata, row.metadata) },
    deed,
  )
}

const actions = { activate: 'activated', suspend: 'suspended', retire: 'retired' } as const

/** Of a row that the transaction holds. @throws BrokerError `state_conflict` when the act does not follow from its state */
export async function moveClient(
  tx: Db,
  { id, state, metadata }: Pick<ClientRow, 'id' | 'state' | 'metadata'>,
  act: LifeAct,
  deed: Deed,
): Promise<Done & { readonly state: ClientState }> {
  const next = stateAfter(state, act)
  if (next === undefined) {
    const hint = act === 'retire' && state === 'active' ? '; suspend it first' : ''
    throw new BrokerError(
      'state_conflict',
      `${id}: the portal is ${state === 'draft' ? 'a draft' : state}${hint}`,
    )
  }
  const version = await setClientState(tx, { id, state: next })
  return {
    ...(await enter(tx, { id, version, metadata, action: actions[act], detail: {} }, deed)),
    state: next,
  }
}

async function enter(
  tx: Db,
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
  { actor, reason, reference }: Deed,
): Promise<Done> {
  await insertClientChange(tx, { clientId: id, actor, action, reason: reason ?? null, version, metadata })
  const events: AuditEvent[] = [
    {
      event: `client.${action}` satisfies AuditName,
      clientId: id,
      actor,
      ...(reference !== undefined && { reference }),
      // The reason is a person's own words, so it stays in the registry.
      detail: { version, ...detail },
    },
  ]
  await insertAuditEvents(tx, events)
  return { version, events }
}

/** Which fields, never what is in them; but an exception from the rules stands in the audit with its reason. */
function told(metadata: ClientMetadata, before: Record<string, unknown> | undefined) {
  const { pkce_exemption: exemption } = metadata.policy
  return {
    detail: {
      ...(before !== undefined && { fields: differences(before, metadata).map(({ path }) => path) }),
      ...(exemption !== undefined && { pkce_exemption: exemption }),
    },
  }
}
