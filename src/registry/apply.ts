/** Carries out a plan: all of it or nothing, and only if none of its portals has changed since. */
import { BrokerError } from '../errors.ts'
import { type By, type Note, audited } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import { lockClients } from '../store/client-changes.ts'
import { listSecretHashes } from '../store/client-secrets.ts'
import type { ClientRow, ClientState } from '../store/clients.ts'
import type { Database, Db } from '../store/db.ts'
import { lacking } from './activation.ts'
import type { LifeAct } from './life.ts'
import type { ClientMetadata } from './clients.ts'
import { formatFault } from './definition.ts'
import { changeClient, createClient, moveClient } from './change.ts'
import { idOf, makePlan, type Plan, type Planned, readStanding } from './plan.ts'

export interface Application {
  readonly definitions: readonly unknown[]
  /** Version of each portal when the plan was made, by id; 0 for a new portal. */
  readonly versions: ReadonlyMap<string, number>
  /** SHA-256 of each new secret, by portal id. */
  readonly secrets: ReadonlyMap<string, Buffer>
  /** Portals to retire: id and the version when the plan was made. */
  readonly retire: ReadonlyMap<string, number>
}
export interface Applied {
  readonly id: string
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'retired'
  readonly state: ClientState
  readonly version: number
}

/**
 * @throws BrokerError `definition_invalid` with every fault, `precondition_failed` when a portal has changed since the
 * plan; then nothing was changed
 */
export async function applyRegistration(
  tools: { readonly db: Database; readonly log: Log },
  { definitions, versions, secrets, retire }: Application,
  by: By,
): Promise<Applied[]> {
  if (retire.size > 0 && by.reason === undefined)
    throw new BrokerError('input_invalid', 'reason: is missing; retiring portals needs a reason')
  const ids = [...definitions.map(idOf), ...retire.keys()]
  return audited(tools, async (tx, note) => {
    const rows = await lockClients(tx, ids)
    const plan = makePlan(definitions, rows, await readStanding(tx, ids))
    refuse(plan, definitions)
    expectVersions(new Map([...versions, ...retire]), ids, rows)
    const done: Applied[] = []
    for (const planned of plan.clients) {
      expectSecret(planned, secrets.get(planned.id))
      done.push(await applyOne(tx, note, planned, secrets.get(planned.id), by))
    }
    for (const id of retire.keys()) {
      const row = rows.find((one) => one.id === id)
      if (row === undefined || definitions.some((one) => idOf(one) === id))
        throw new BrokerError(
          'input_invalid',
          `retire: ${id} does not exist, or has a definition in the request`,
        )
      done.push({ id, outcome: 'retired', ...(await moveClient(tx, note, row, 'retire', by)) })
    }
    return done
  })
}

/** @throws BrokerError `definition_invalid` */
export function refuse({ faults }: Plan, definitions: readonly unknown[]): void {
  if (faults.length === 0) return
  const lines = faults.map((fault) => {
    const id = idOf(definitions[fault.index])
    const name = /^[a-z0-9._-]{3,64}$/.test(id) ? id : `definition ${fault.index + 1}`
    return `${name}: ${formatFault(fault)}`
  })
  throw new BrokerError('definition_invalid', lines.join('\n'))
}

function expectVersions(
  versions: ReadonlyMap<string, number>,
  ids: readonly string[],
  rows: readonly ClientRow[],
): void {
  for (const id of ids) {
    const { version = 0 } = rows.find((row) => row.id === id) ?? {}
    if (versions.get(id) !== version)
      throw new BrokerError('precondition_failed', `${id}: its version is now ${version}; plan again`)
  }
}

function expectSecret({ id, state, makesSecret }: Planned, hash: Buffer | undefined): void {
  if (makesSecret && hash === undefined && state === 'active')
    throw new BrokerError('client_incomplete', `${id}: needs a secret; send its hash`)
  if (!makesSecret && hash !== undefined)
    throw new BrokerError('input_invalid', `secrets: ${id} does not need a new secret; leave it out`)
}

/** @param hash SHA-256 of a new secret, which replaces the active ones */
export async function applyOne(
  tx: Db,
  note: Note,
  planned: Planned,
  hash: Buffer | undefined,
  by: By,
): Promise<Applied> {
  const { id, row, metadata, act, state } = planned
  const what = { metadata, secretHash: hash }
  const written =
    row === undefined
      ? await createClient(tx, note, what, by)
      : planned.differences.length > 0 || !(await isInService(tx, id, hash))
        ? await changeClient(tx, note, row, what, by)
        : undefined
  const moved = act && (await moveClient(tx, note, { id, state: row?.state ?? 'draft', metadata }, act, by))
  const outcome: Applied['outcome'] =
    row === undefined ? 'created' : (moved ?? written) === undefined ? 'unchanged' : 'changed'
  return { id, outcome, state, version: moved?.version ?? written ?? row!.version }
}

async function isInService(tx: Db, clientId: string, hash: Buffer | undefined): Promise<boolean> {
  return hash === undefined || (await listSecretHashes(tx, [clientId])).some((one) => one.hash.equals(hash))
}

/** @throws BrokerError `not_found`, `state_conflict`, `client_incomplete` with each missing item */
export const actOnClient = (
  tools: { readonly db: Database; readonly log: Log },
  { id, act }: { id: string; act: LifeAct },
  by: By,
): Promise<{ state: ClientState; version: number }> =>
  audited(tools, async (tx, note) => {
    const [row] = await lockClients(tx, [id])
    if (row === undefined) throw new BrokerError('not_found', 'there is no portal with this id')
    const moved = await moveClient(tx, note, row, act, by)
    if (act === 'activate') {
      const { algorithms, withSecret } = await readStanding(tx, [id])
      const client = row.metadata as unknown as ClientMetadata
      const faults = lacking(client, { hasSecret: withSecret.has(id), algorithms })
      if (faults.length > 0) throw new BrokerError('client_incomplete', faults.map(formatFault).join('\n'))
    }
    return moved
  })
