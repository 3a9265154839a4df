/** The registered portals as the engine asks for them. */
import type { AdapterPayload } from 'oidc-provider'
import { findClients, listClientVersions, listClients } from '../store/clients.ts'
import type { ClientRow } from '../store/clients.ts'
import type { Db } from '../store/db.ts'
import type { ClientMetadata, ClientPolicy } from './clients.ts'

export interface Registry {
  find(id: string): Promise<AdapterPayload | undefined>
  /** What was agreed with the portal; undefined when it is not registered. */
  policyOf(id: string): ClientPolicy | undefined
  /** Private networks that the owner of this address may be reached in. */
  networksFor(url: string): readonly string[]
  /** Picks up what other nodes and the operators changed. */
  refresh(): Promise<void>
  close(): void
}

/** All clients in memory, renewed every second: a portal is one look-up in a map, changes are in force everywhere within seconds. */
export async function openRegistry({ db, period = 1_000 }: { db: Db; period?: number }): Promise<Registry> {
  const clients = new Map<string, { version: number; payload: AdapterPayload }>()
  let loaded = 0
  const keep = (row: ClientRow) =>
    clients.set(row.id, { version: row.version, payload: named(enginePayload(row), String(loaded++)) })
  for (const row of await listClients(db)) keep(row)

  async function refresh(): Promise<void> {
    const versions = await listClientVersions(db)
    const present = new Set(versions.map((row) => row.id))
    for (const id of clients.keys()) if (!present.has(id)) clients.delete(id)
    const changed = versions
      .filter((row) => clients.get(row.id)?.version !== row.version)
      .map((row) => row.id)
    if (changed.length > 0) for (const row of await findClients(db, changed)) keep(row)
  }
  // A database that is away is the readiness check's to report; the clients known so far go on.
  let isBusy = false
  const renew = async () => {
    // A slow database must not meet one more question every second.
    if (isBusy) return
    isBusy = true
    await refresh().catch(() => {})
    isBusy = false
  }
  const timer = setInterval(() => void renew(), period).unref()

  return {
    find: (id) => Promise.resolve(clients.get(id)?.payload),
    policyOf: (id) => clients.get(id)?.payload['policy'] as ClientPolicy | undefined,
    networksFor: (url) =>
      [...clients.values()].flatMap(({ payload }) =>
        payload['backchannel_logout_uri'] === url || payload['jwks_uri'] === url
          ? (payload['policy'] as ClientPolicy).private_networks
          : [],
      ),
    refresh,
    close: () => clearInterval(timer),
  }
}

/** The engine knows a client that it has built by the JSON of its metadata, at every use: a name is shorter. */
const named = (payload: AdapterPayload, name: string): AdapterPayload =>
  Object.defineProperty(payload, 'toJSON', { value: () => name })

function enginePayload({ metadata, secretHash }: ClientRow): AdapterPayload {
  const client = metadata as unknown as ClientMetadata
  return {
    ...metadata,
    response_types: client.grant_types.includes('authorization_code') ? ['code'] : [],
    ...(secretHash === null ? {} : { client_secret: secretHash.toString('base64url') }),
  }
}
