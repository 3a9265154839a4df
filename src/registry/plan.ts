/** Plans the changes that make the registry equal to reviewed files. A plan changes nothing and reports every fault. */
import { listSecretHashes } from '../store/client-secrets.ts'
import { type ClientRow, type ClientState, listClients } from '../store/clients.ts'
import type { Db } from '../store/db.ts'
import { leastAnnouncement, listKnownAlgorithms } from '../store/keys.ts'
import { listStandingRehomes } from '../store/rehomes.ts'
import { lacking } from './activation.ts'
import { type LifeAct, actBetween } from './life.ts'
import { type ClientMetadata, needsSecret } from './clients.ts'
import { type Definition, type Fault, checkDefinition, faultAt } from './definition.ts'
import { type Difference, differences } from './difference.ts'
import type { Rehome } from './rehoming.ts'
import { sectorFault, sharingNote } from './sector.ts'

/** The planned change of one portal. */
export interface Planned {
  readonly id: string
  /** Undefined for a new portal. */
  readonly row: ClientRow | undefined
  readonly metadata: ClientMetadata
  readonly differences: readonly Difference[]
  readonly act: LifeAct | undefined
  /** The state after the plan. */
  readonly state: ClientState
  /** The portal newly authenticates with a secret: the caller who applies the plan generates one. */
  readonly makesSecret: boolean
  /** Warnings before the plan is carried out, and things that it does not change. */
  readonly notes: readonly Fault[]
}
/** A fault of the definition at this position, from 0. */
export type PlanFault = Fault & { readonly index: number }
export interface Plan {
  readonly clients: readonly Planned[]
  readonly faults: readonly PlanFault[]
}

/** A portal that is registered and not retired, but has no file. */
export interface Missing {
  readonly id: string
  readonly name: string
  readonly state: ClientState
  readonly version: number
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
export const idOf = (definition: unknown): string =>
  textOf((definition as { client_id?: unknown } | null)?.client_id)
export const nameOf = (metadata: Record<string, unknown>): string => textOf(metadata['client_name'])

export async function planRegistration(
  db: Db,
  definitions: readonly unknown[],
): Promise<Plan & { missing: readonly Missing[] }> {
  const ids = new Set(definitions.map(idOf))
  const rows = await listClients(db)
  const missing = rows
    .filter(({ id, state }) => !ids.has(id) && state !== 'retired')
    .map(({ id, metadata, state, version }) => ({ id, name: nameOf(metadata), state, version }))
  return { ...makePlan(definitions, rows, await readStanding(db)), missing }
}

/** The stored data that the check of a definition depends on. */
export interface Standing {
  /** Algorithms with a signing key that every portal's cached JWKS contains. */
  readonly algorithms: ReadonlySet<string>
  /** Ids of portals with an active secret. */
  readonly withSecret: ReadonlySet<string>
  readonly rehomes: readonly Rehome[]
}

export async function readStanding(db: Db, ids?: readonly string[]): Promise<Standing> {
  const [algorithms, secrets] = [
    await listKnownAlgorithms(db, leastAnnouncement),
    await listSecretHashes(db, ids),
  ]
  const live = secrets.filter(({ expiresAt }) => expiresAt.getTime() > Date.now())
  return {
    algorithms: new Set(algorithms),
    withSecret: new Set(live.map(({ clientId }) => clientId)),
    rehomes: await listStandingRehomes(db),
  }
}

export function makePlan(
  definitions: readonly unknown[],
  rows: readonly ClientRow[],
  standing: Standing,
): Plan {
  const known = new Map(rows.map((row) => [row.id, row]))
  const clients: Planned[] = []
  const faults: PlanFault[] = []
  const seen = new Set<string>()
  for (const [index, value] of definitions.entries()) {
    const id = idOf(value)
    const checked = checkDefinition(value)
    const planned = checked.definition && planOne(checked.definition, known.get(id), standing)
    const found = seen.has(id) ? [twice] : (checked.faults ?? planned?.faults ?? [])
    faults.push(...found.map((fault) => ({ ...fault, index })))
    if (planned !== undefined) clients.push(planned)
    if (id !== '') seen.add(id)
  }
  return { clients: withSharing(clients, rows, standing), faults }
}

const twice = faultAt(['client_id'], 'is used by two definitions; give each portal its own id')

function planOne(
  { state: wanted, ...metadata }: Definition,
  row: ClientRow | undefined,
  { algorithms, withSecret, rehomes }: Standing,
): Planned & { faults: Fault[] } {
  const id = metadata.client_id
  const from = row?.state ?? 'draft'
  // The file does not know why the portal was suspended, so applying it must not activate the portal.
  const staysClosed = from === 'suspended' && wanted === 'active'
  const state = staysClosed ? from : (wanted ?? from)
  const act = state === from ? undefined : actBetween(from, state)
  const before = row?.metadata as ClientMetadata | undefined
  const makesSecret = needsSecret(metadata) && (before === undefined || !needsSecret(before))
  const hasSecret = act !== 'activate' || makesSecret || withSecret.has(id)
  const faults: Fault[] = []
  if (from === 'retired')
    faults.push(
      faultAt(['client_id'], 'is the id of a retired portal; remove the file, or choose another id'),
    )
  else if (state !== from && act === undefined)
    faults.push(faultAt(['state'], `is not possible for a portal that is ${from}; ${remedies[from]}`))
  else if (state === 'active') faults.push(...lacking(metadata, { hasSecret, algorithms }))
  const moved = row && from !== 'retired' ? sectorFault(rehomes, row, metadata) : undefined
  if (moved !== undefined) faults.push(moved)
  const changes = differences(before ?? {}, metadata)
  const notes = staysClosed
    ? [faultAt(['state'], `stays suspended; run "client activate ${id}" to activate it`)]
    : []
  return { id, row, metadata, differences: changes, act, state, makesSecret, notes, faults }
}

/** Adds a note about shared `sub`s to portals that are new or changed. */
function withSharing(
  clients: readonly Planned[],
  rows: readonly ClientRow[],
  { rehomes }: Standing,
): Planned[] {
  const planned = new Set(clients.map(({ id }) => id))
  const all = [
    ...clients.map(({ metadata }) => metadata),
    ...rows
      .filter(({ id, state }) => state !== 'retired' && !planned.has(id))
      .map(({ metadata }) => metadata as unknown as ClientMetadata),
  ]
  return clients.map((one) => {
    const isSame = one.row !== undefined && one.differences.length === 0 && one.act === undefined
    const note = isSame ? undefined : sharingNote(rehomes, one.metadata, all)
    return note === undefined ? one : { ...one, notes: [...one.notes, note] }
  })
}

const remedies: Readonly<Record<ClientState, string>> = {
  draft: 'write draft or active',
  active: 'write active or suspended',
  suspended: 'write suspended or active',
  retired: 'remove the file',
}
