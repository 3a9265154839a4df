/**
 * The registered portals. A reviewed file (`definition.ts`, under `rules.ts`) is compared with what is registered
 * (`plan.ts`) and carried out whole (`apply.ts`); a single portal is changed in `change.ts`, its secrets in `secrets.ts`,
 * and one that goes over into another in `rehome.ts`. This file: the portals in memory, as the engine asks for them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdapterPayload } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { clientSecretExpires, registryRead, registrySize } from '../telemetry/metrics.ts'
import { repeat } from '../store/repeat.ts'
import { listSecretHashes } from '../store/client-secrets.ts'
import { findClients, listClientVersions, listClients } from '../store/clients.ts'
import type { ClientRow } from '../store/clients.ts'
import type { Db } from '../store/db.ts'
import { type RehomeRow, listStandingRehomes } from '../store/rehomes.ts'
import { type Entry, enginePayload } from './engine-payload.ts'
import { type ClientMetadata, type ClientPolicy, needsSecret } from './clients.ts'
import { hasGoneOver, rehomesInto, unfitFor } from './rehoming.ts'

export interface Registry {
  /** Undefined unless the portal is in service. */
  find(id: string): Promise<AdapterPayload | undefined>
  /** Registered, but nobody may come to it or from it: a draft, suspended, retired, or gone over into another. */
  isOutOfService(id: string): boolean
  /** Whether what was issued to a registered portal counts no more: it is out of service, or was since. @param issuedAt seconds since the epoch */
  isVoid(id: string, issuedAt: number): boolean
  /** The portal itself and those that went over into it, the nearest first: all whose accounts are its own. */
  portalsOf(id: string): readonly string[]
  /** The rows by which they did; those whose accounts the portal is not fit to have are passed over. */
  rehomesInto(id: string): readonly RehomeRow[]
  /** What was agreed with the portal, whether it is in service or not; undefined when it is not registered. */
  policyOf(id: string): ClientPolicy | undefined
  /** Private networks that the owner of this address may be reached in. */
  networksFor(url: string): readonly string[]
  /** As citizens know the portal, in service or not. */
  nameOf(id: string): string
  /** Seconds since it was last compared with the database. */
  age(): number
  /** Picks up what other nodes and the operators changed, and resolves when it is in force here. */
  refresh(): Promise<void>
  close(): void
}

/** All clients in memory, renewed every second: a portal is one look-up in a map, changes are in force everywhere within seconds. */
export async function openRegistry({
  db,
  period = 1_000,
  now = Date.now,
}: {
  db: Db
  period?: number | undefined
  now?: () => number
}): Promise<Registry> {
  const clients = new Map<string, Entry & { payload: AdapterPayload }>()
  let rehomes: RehomeRow[] = []
  let loaded = 0
  const keep = (entry: Entry) =>
    clients.set(entry.row.id, {
      ...entry,
      payload: named(enginePayload(entry, rehomes), String(loaded++)),
    })

  /** Secrets after the rows: a secret that is newer than its row's version is only read once more. */
  async function load(rows: readonly ClientRow[], ids?: readonly string[]): Promise<void> {
    const [hashes, standing] = [await listSecretHashes(db, ids), await listStandingRehomes(db)]
    const isSame = standing.map(({ id }) => id).join() === rehomes.map(({ id }) => id).join()
    rehomes = standing
    for (const row of rows) {
      const secrets = hashes.filter(({ clientId }) => clientId === row.id)
      keep({ row, secrets })
      tellExpiry(row, secrets)
    }
    // What a portal is told of its former ones may come over several.
    if (!isSame) for (const entry of clients.values()) keep(entry)
  }
  let readAt = 0
  const tellRead = () => {
    readAt = performance.now()
    registrySize.set(clients.size)
    registryRead.setToCurrentTime()
  }
  await load(await listClients(db))
  tellRead()

  async function read(): Promise<void> {
    const versions = await listClientVersions(db)
    const present = new Set(versions.map((row) => row.id))
    for (const id of clients.keys()) {
      if (present.has(id)) continue
      clients.delete(id)
      clientSecretExpires.remove({ client: id })
    }
    const changed = versions
      .filter((row) => clients.get(row.id)?.row.version !== row.version)
      .map((row) => row.id)
    if (changed.length > 0) await load(await findClients(db, changed), changed)
    tellRead()
  }
  // A database that is away is the readiness check's to report; the clients known so far go on.
  const endRenewal = repeat(period, () => read().catch(() => {}))

  const isInService = ({ row: { id, state, notBefore } }: Entry) =>
    state === 'active' && (notBefore?.getTime() ?? 0) <= now() && !hasGoneOver(rehomes, id, now())
  const inService = (id: string) => {
    const entry = clients.get(id)
    return entry !== undefined && isInService(entry) ? entry : undefined
  }

  const policyOf = (id: string) => clients.get(id)?.payload['policy'] as ClientPolicy | undefined
  const fitInto = (id: string) => {
    const policy = policyOf(id)
    return rehomesInto(rehomes, id).filter(({ oldClient }) => {
      const former = policyOf(oldClient)
      return policy !== undefined && former !== undefined && unfitFor(policy, former) === undefined
    })
  }

  return {
    find: (id) => Promise.resolve(inService(id)?.payload),
    isOutOfService: (id) => clients.has(id) && inService(id) === undefined,
    isVoid(id, issuedAt) {
      const entry = clients.get(id)
      if (entry === undefined) return false
      return !isInService(entry) || issuedAt * 1000 < (entry.row.notBefore?.getTime() ?? 0)
    },
    portalsOf: (id) => [id, ...fitInto(id).map(({ oldClient }) => oldClient)],
    rehomesInto: fitInto,
    policyOf,
    nameOf: (id) => (clients.get(id)?.row.metadata as ClientMetadata | undefined)?.client_name ?? id,
    age: () => (performance.now() - readAt) / 1000,
    networksFor: (url) =>
      [...clients.values()].flatMap(({ payload }) =>
        payload['backchannel_logout_uri'] === url || payload['jwks_uri'] === url
          ? (payload['policy'] as ClientPolicy).private_networks
          : [],
      ),
    async refresh() {
      await read()
      const begins = [...clients.values()].map(({ row }) => row.notBefore?.getTime() ?? 0)
      await sleep(Math.max(0, Math.max(0, ...begins) - now()))
    },
    close: () => void endRenewal(),
  }
}

/** @returns throws BrokerError `interaction_gone` when the portal is no longer registered */
export const mappingPolicyIn =
  ({ policyOf }: Pick<Registry, 'policyOf'>) =>
  (clientId: string): ClientPolicy['mapping'] => {
    const policy = policyOf(clientId)
    if (policy === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return policy.mapping
  }

/** The engine knows a client that it has built by the JSON of its metadata, at every use: a name is shorter. */
const named = (payload: AdapterPayload, name: string): AdapterPayload =>
  Object.defineProperty(payload, 'toJSON', { value: () => name })

/** The last of a portal's secrets: when that is gone, the portal is out; without any it has been from the first. */
function tellExpiry({ id, state, metadata }: ClientRow, secrets: Entry['secrets']): void {
  const ends = secrets.map(({ expiresAt }) => expiresAt.getTime() / 1000)
  const isExpected = ['active', 'suspended'].includes(state) && needsSecret(metadata as ClientMetadata)
  if (isExpected) clientSecretExpires.set({ client: id }, Math.max(0, ...ends))
  else clientSecretExpires.remove({ client: id })
}
