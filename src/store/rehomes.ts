/** Re-homings of portals. Functions that change a row must run in a transaction. */
import type { Db } from './db.ts'

export interface RehomeRow {
  /** Decimal. */
  readonly id: string
  readonly oldClient: string
  readonly newClient: string
  /** The old portal's last day in Vietnam, `YYYY-MM-DD`. */
  readonly until: string
  /** Which `sub`s the new portal uses: the old portal's, or its own. */
  readonly subs: 'old' | 'own'
  /** The old portal's sector. Null: its `sub`s are public. Empty: it had no redirect URI, so no sign-in. */
  readonly sector: string | null
  readonly reason: string
  readonly begunBy: string
  readonly begunAt: Date
  readonly undoneBy: string | null
  readonly undoneAt: Date | null
  readonly completedAt: Date | null
}

const columns = `id::text, old_client as "oldClient", new_client as "newClient", until::text, subs, sector, reason,
  begun_by as "begunBy", begun_at as "begunAt", undone_by as "undoneBy", undone_at as "undoneAt",
  completed_at as "completedAt"`

/** Re-homings that were not undone, in progress or completed, oldest first. */
export function listStandingRehomes(db: Db): Promise<RehomeRow[]> {
  return db.query<RehomeRow>(`select ${columns} from client_rehome where undone_at is null order by id`)
}

/** All re-homings, including undone ones, newest first. @param before the last id of the previous page */
export function listRehomes(
  db: Db,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<RehomeRow[]> {
  return db.query<RehomeRow>(
    `select ${columns} from client_rehome where $1::bigint is null or id < $1 order by id desc limit $2`,
    [before ?? null, limit],
  )
}

/** Serialises changes of re-homings, so that checks of chains stay true until the transaction ends. */
export async function lockRehomes(tx: Db): Promise<void> {
  await tx.query('lock table client_rehome in share row exclusive mode')
}

export async function insertRehome(
  tx: Db,
  row: Pick<RehomeRow, 'oldClient' | 'newClient' | 'until' | 'subs' | 'sector' | 'reason'> & { by: string },
): Promise<RehomeRow> {
  const [made] = await tx.query<RehomeRow>(
    `insert into client_rehome (old_client, new_client, until, subs, sector, reason, begun_by)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [row.oldClient, row.newClient, row.until, row.subs, row.sector, row.reason, row.by],
  )
  await touchClients(tx, [row.oldClient, row.newClient])
  return made!
}

/** @returns undefined when the old portal has none in progress, or its last day is past */
export async function undoRehome(
  tx: Db,
  { oldClient, by }: { oldClient: string; by: string },
): Promise<RehomeRow | undefined> {
  const [undone] = await tx.query<RehomeRow>(
    `update client_rehome set undone_at = now(), undone_by = $2
     where old_client = $1 and undone_at is null and completed_at is null and until >= vietnam_date()
     returning ${columns}`,
    [oldClient, by],
  )
  if (undone !== undefined) await touchClients(tx, [undone.oldClient, undone.newClient])
  return undone
}

/** Completes re-homings whose last day is past. @returns each row to exactly one caller */
export function completeRehomes(tx: Db): Promise<RehomeRow[]> {
  return tx.query<RehomeRow>(
    `update client_rehome set completed_at = now()
     where undone_at is null and completed_at is null and until < vietnam_date() returning ${columns}`,
  )
}

/** Changes the versions, so that every node reads the portals again. */
async function touchClients(tx: Db, ids: readonly string[]): Promise<void> {
  await tx.query('update client set version = version + 1, updated_at = now() where id = any($1::text[])', [
    ids,
  ])
}

/**
 * Whether any person ever received a `sub` of the portal's own sector. Sign-ins while it used the `sub`s of a portal
 * with this sector do not count. The last minutes may not be in `first_person_at` yet, so they are read from the audit.
 */
export async function hasOwnPersons(tx: Db, clientId: string, sector: string | null): Promise<boolean> {
  const [row] = await tx.query<{ had: boolean }>(
    `select c.first_person_at is not null
       or exists (select from client_rehome r where r.new_client = c.id and r.subs = 'old'
         and r.undone_at is not null and r.sector is distinct from $2)
       or exists (select from audit_event e
         where e.class = 'login' and e.event = 'login.completed' and e.client_id = c.id
           and e.at > now() - interval '10 minutes' and not exists (
             select from client_rehome r where r.new_client = c.id and r.subs = 'old'
               and e.at between r.begun_at and r.undone_at)) as had
     from client c where c.id = $1`,
    [clientId, sector],
  )
  return row!.had
}
