import type { Db } from './db.ts'

export const clientStates = ['draft', 'active', 'suspended', 'retired'] as const
export type ClientState = (typeof clientStates)[number]

export interface ClientRow {
  readonly id: string
  readonly state: ClientState
  /** Tokens and sessions that were issued before this time are refused. */
  readonly notBefore: Date | null
  /** As validated by `registry/clients.ts`. */
  readonly metadata: Record<string, unknown>
  readonly version: number
}

/** The columns of `ClientRow`. */
export const clientColumns = 'id, state, not_before as "notBefore", metadata, version'

export function listClients(db: Db): Promise<ClientRow[]> {
  return db.query<ClientRow>(`select ${clientColumns} from client order by id`)
}

export function findClients(db: Db, ids: readonly string[]): Promise<ClientRow[]> {
  return db.query<ClientRow>(`select ${clientColumns} from client where id = any($1::text[])`, [ids])
}

/** The version of every client: cheap enough to ask every second. */
export function listClientVersions(db: Db): Promise<{ id: string; version: number }[]> {
  return db.query('select id, version from client')
}

/** Creates or updates an active portal; writes nothing if it is unchanged. */
export async function putClient(
  db: Db,
  client: { id: string; metadata: Record<string, unknown> },
): Promise<'created' | 'changed' | 'unchanged'> {
  const [row] = await db.query<{ created: boolean }>(
    `insert into client (id, state, metadata) values ($1, 'active', $2)
     on conflict (id) do update
       set metadata = excluded.metadata, version = client.version + 1, updated_at = now()
       where client.metadata is distinct from excluded.metadata
     returning xmax = 0 as created`,
    [client.id, JSON.stringify(client.metadata)],
  )
  return row === undefined ? 'unchanged' : row.created ? 'created' : 'changed'
}
