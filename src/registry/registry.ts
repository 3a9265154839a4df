/**
 * The registered portals. Reviewed files are checked (`definition.ts`, `rules.ts`), compared with the registry (`plan.ts`)
 * and applied (`apply.ts`). `change.ts` writes one portal, `secrets.ts` its secrets, and `rehome.ts` re-homes one portal
 * into another. This file holds all portals in memory for the engine.
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
  /** Undefined unless the portal is active. */
  find(id: string): Promise<AdapterPayload | undefined>
  /** Whether the portal is registered but not usable: draft, suspended, retired, or re-homed into another. */
  isOutOfService(id: string): boolean
  /**
   * Whether a token or session of the portal is invalid, because the portal is or was out of service since.
   * @param issuedAt seconds since the epoch
   */
  isVoid(id: string, issuedAt: number): boolean
  /** The portal and those re-homed into it, nearest first: the portals whose accounts it has. */
  portalsOf(id: string): readonly string[]
  /** The re-homings into the portal, without those whose accounts it may not have at present (`unfitFor`). */
  rehomesInto(id: string): readonly RehomeRow[]
  /** The portal's policy, in any state; undefined when it is not registered. */
  policyOf(id: string): ClientPolicy | undefined
  /** Private networks to which this URL may resolve, by the policies of the portals that registered it. */
  networksFor(url: string): readonly string[]
  /** The portal's name for citizens, in any state. */
  nameOf(id: string): string
  /** Seconds since the last successful read of the database. */
  age(): number
  /** Reads changes of other nodes and operators, and resolves when they are in effect on this node. */
  refresh(): Promise<void>
  close(): void
}

/** Holds all clients in memory and refreshes them every `period` ms, so changes take effect on all nodes in seconds. */
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

  /** Reads secrets after the rows: a secret newer than its row's version is then read once more, which is harmless. */
  async function load(rows: readonly ClientRow[], ids?: readonly string[]): Promise<void> {
    const [hashes, standing] = [await listSecretHashes(db, ids), await listStandingRehomes(db)]
    const isSame = standing.map(({ id }) => id).join() === rehomes.map(({ id }) => id).join()
    rehomes = standing
    for (const row of rows) {
      const secrets = hashes.filter(({ clientId }) => clientId === row.id)
      keep({ row, secrets })
      setExpiryMetric(row, secrets)
    }
    // A re-homing can affect the payload of portals further down the chain, so all are rebuilt.
    if (!isSame) for (const entry of clients.values()) keep(entry)
  }
  let readAt = 0
  const noteRead = () => {
    readAt = performance.now()
    registrySize.set(clients.size)
    registryRead.setToCurrentTime()
  }
  await load(await listClients(db))
  noteRead()

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
    noteRead()
  }
  // The readiness check reports an unreachable database; the clients in memory stay usable.
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

/** The returned function throws BrokerError `interaction_gone` when the portal is no longer registered. */
export const mappingPolicyIn =
  ({ policyOf }: Pick<Registry, 'policyOf'>) =>
  (clientId: string): ClientPolicy['mapping'] => {
    const policy = policyOf(clientId)
    if (policy === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return policy.mapping
  }

/** The engine caches the client by the JSON of its payload, at every use: a short `toJSON` saves hashing it all. */
const named = (payload: AdapterPayload, name: string): AdapterPayload =>
  Object.defineProperty(payload, 'toJSON', { value: () => name })

/** Sets the metric to the latest expiry of the portal's secrets, or to 0 if it has none. */
function setExpiryMetric({ id, state, metadata }: ClientRow, secrets: Entry['secrets']): void {
  const ends = secrets.map(({ expiresAt }) => expiresAt.getTime() / 1000)
  const isExpected = ['active', 'suspended'].includes(state) && needsSecret(metadata as ClientMetadata)
  if (isExpected) clientSecretExpires.set({ client: id }, Math.max(0, ...ends))
  else clientSecretExpires.remove({ client: id })
}
