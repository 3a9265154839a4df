/** Changes of portals by operators, and their history. */
import type { ClientRow, ClientState } from './clients.ts'
import { clientColumns } from './clients.ts'
import type { Db } from './db.ts'

/**
 * Locks the rows of these ids until the transaction ends. A statement that only references a portal by foreign key, as
 * each row of an import does, neither waits for this lock nor blocks it.
 */
export function lockClients(db: Db, ids: readonly string[]): Promise<ClientRow[]> {
  return db.query<ClientRow>(
    `select ${clientColumns} from client where id = any($1::text[]) order by id for no key update`,
    [ids],
  )
}

/** A new portal is a draft. @returns false if the id is taken */
export async function insertClient(
  db: Db,
  client: { id: string; metadata: Record<string, unknown> },
): Promise<boolean> {
  const rows = await db.query(
    `insert into client (id, state, metadata) values ($1, 'draft', $2) on conflict do nothing returning 1`,
    [client.id, JSON.stringify(client.metadata)],
  )
  return rows.length === 1
}

/** Updates an existing portal. @returns its new version */
export async function updateClient(
  db: Db,
  client: { id: string; metadata: Record<string, unknown> },
): Promise<number> {
  const [row] = await db.query<{ version: number }>(
    `update client set metadata = $2, version = version + 1, updated_at = now() where id = $1 returning version`,
    [client.id, JSON.stringify(client.metadata)],
  )
  return row!.version
}

/** Suspension also sets `not_before`, which invalidates everything issued earlier. @returns the new version */
export async function setClientState(
  db: Db,
  { id, state }: { id: string; state: ClientState },
): Promise<number> {
  const [row] = await db.query<{ version: number }>(
    `update client set state = $2, state_at = now(), version = version + 1, updated_at = now(),
       not_before = case when $2 = 'suspended' then now() else not_before end
     where id = $1 returning version`,
    [id, state],
  )
  return row!.version
}

export interface ClientChange {
  readonly clientId: string
  readonly actor: string
  readonly action: string
  readonly reason: string | null
  readonly version: number
  /** The definition after the change. */
  readonly metadata: Record<string, unknown>
}

export async function insertClientChange(db: Db, change: ClientChange): Promise<void> {
  await db.query(
    `insert into client_change (client_id, actor, action, reason, version, metadata) values ($1, $2, $3, $4, $5, $6)`,
    [
      change.clientId,
      change.actor,
      change.action,
      change.reason,
      change.version,
      JSON.stringify(change.metadata),
    ],
  )
}

export interface PastChange extends ClientChange {
  readonly id: string
  readonly at: Date
  /** The definition before the change; null at the first one. */
  readonly before: Record<string, unknown> | null
}

/** Changes of a portal, oldest first. */
export function listClientChanges(
  db: Db,
  { clientId, after, limit }: { clientId: string; after: string; limit: number },
): Promise<PastChange[]> {
  return db.query<PastChange>(
    `select * from (
       select id::text, at, client_id as "clientId", actor, action, reason, version, metadata,
         lag(metadata) over (order by client_change.id) as before, client_change.id as place
       from client_change where client_id = $1) change
     where place > $2::bigint order by place limit $3`,
    [clientId, after, limit],
  )
}

/** A page of the registry, ordered by id. */
export function pageClients(
  db: Db,
  { after, state, limit }: { after: string; state: ClientState | undefined; limit: number },
): Promise<ClientRow[]> {
  return db.query<ClientRow>(
    `select ${clientColumns} from client where id > $1 and ($2::text is null or state = $2) order by id limit $3`,
    [after, state ?? null, limit],
  )
}
