/** Secrets of portals: only hashes, at most two active. Functions that change a secret must run in a transaction. */
import type { Db } from './db.ts'

export interface SecretRow {
  readonly id: string
  readonly clientId: string
  readonly createdAt: Date
  /** Null: created when a definition was applied. */
  readonly createdBy: string | null
  readonly expiresAt: Date
}

const columns = `id, client_id as "clientId", created_at as "createdAt", created_by as "createdBy",
  expires_at as "expiresAt"`

/** A portal's secrets, newest first. An expired one is listed until another replaces it. */
export function listSecrets(db: Db, clientId: string): Promise<SecretRow[]> {
  return db.query<SecretRow>(
    `select ${columns} from client_secret where client_id = $1 and slot is not null order by created_at desc, id`,
    [clientId],
  )
}

/** The hashes that authenticate portals. @param ids absent: all portals */
export function listSecretHashes(
  db: Db,
  ids?: readonly string[],
): Promise<{ clientId: string; hash: Buffer; expiresAt: Date }[]> {
  return db.query(
    `select client_id as "clientId", hash, expires_at as "expiresAt" from client_secret
     where slot is not null and ($1::text[] is null or client_id = any($1))`,
    [ids ?? null],
  )
}

/**
 * @param othersEnd new expiry of the other active secret, unless it expires earlier
 * @returns undefined when two secrets are already active
 */
export async function insertSecret(
  tx: Db,
  secret: { clientId: string; hash: Buffer; expiresAt: Date; by: string; othersEnd?: Date | undefined },
): Promise<SecretRow | undefined> {
  const { clientId } = secret
  await lockSecrets(tx, clientId)
  await tx.query(
    'update client_secret set slot = null where client_id = $1 and slot is not null and expires_at <= now()',
    [clientId],
  )
  await tx.query(
    `update client_secret set expires_at = $2, warned_on = null
     where client_id = $1 and slot is not null and expires_at > $2::timestamptz`,
    [clientId, secret.othersEnd ?? null],
  )
  const [made] = await tx.query<SecretRow>(
    `insert into client_secret (client_id, hash, slot, expires_at, created_by)
     select $1, $2, free, $3, $4 from (values (1), (2)) place(free)
     where not exists (select from client_secret where client_id = $1 and slot = free)
     order by free limit 1 returning ${columns}`,
    [clientId, secret.hash, secret.expiresAt, secret.by],
  )
  if (made !== undefined) await touchClient(tx, clientId)
  return made
}

/** @returns undefined when the portal has no active secret with this id */
export async function revokeSecret(
  tx: Db,
  { clientId, id, by }: { clientId: string; id: string; by: string },
): Promise<SecretRow | undefined> {
  await lockSecrets(tx, clientId)
  const [revoked] = await tx.query<SecretRow>(
    `update client_secret set slot = null, revoked_at = now(), revoked_by = $3
     where client_id = $1 and id = $2 and slot is not null returning ${columns}`,
    [clientId, id, by],
  )
  if (revoked !== undefined) await touchClient(tx, clientId)
  return revoked
}

/**
 * Makes the secret of an applied definition the only one; does nothing if it is already active. The caller has locked
 * the portal's row and changes its version.
 * @returns false when an operator revoked that secret, or it has expired
 */
export async function replaceSecrets(
  tx: Db,
  { clientId, hash }: { clientId: string; hash: Buffer },
): Promise<boolean> {
  const [known] = await tx.query<{ inService: boolean; ended: boolean }>(
    `select slot is not null as "inService", revoked_by is not null or expires_at <= now() as ended
     from client_secret where client_id = $1 and hash = $2`,
    [clientId, hash],
  )
  if (known?.inService) return true
  if (known?.ended) return false
  await withdrawSecrets(tx, clientId)
  await tx.query(
    `insert into client_secret (client_id, hash, slot, expires_at) values ($1, $2, 1, now() + interval '1 year')
     on conflict (client_id, hash) do update
       set slot = 1, revoked_at = null, warned_on = null, expires_at = excluded.expires_at`,
    [clientId, hash],
  )
  return true
}

/** Ends all secrets of a portal, because its definition replaces them or needs none. */
export async function withdrawSecrets(tx: Db, clientId: string): Promise<void> {
  await tx.query(
    'update client_secret set slot = null, revoked_at = now() where client_id = $1 and slot is not null',
    [clientId],
  )
}

/** Serialises changes of a portal's secrets, without blocking imports, whose rows reference the portal. */
async function lockSecrets(tx: Db, clientId: string): Promise<void> {
  await tx.query('select 1 from client where id = $1 for no key update', [clientId])
}

/** Changes the version, so that every node reads the portal again. */
async function touchClient(tx: Db, clientId: string): Promise<void> {
  await tx.query('update client set version = version + 1, updated_at = now() where id = $1', [clientId])
}

export interface EndingSecret extends Pick<SecretRow, 'id' | 'clientId' | 'expiresAt'> {
  readonly hasSuccessor: boolean
}

/**
 * Secrets that expire within `days`, or have expired and left the portal without one. Each is returned once a day, to
 * one caller.
 */
export function takeEndingSecrets(db: Db, days: number): Promise<EndingSecret[]> {
  return db.query<EndingSecret>(
    `with ending as (
       select s.id, exists (select from client_secret o where o.client_id = s.client_id and o.slot is not null
           and o.expires_at > greatest(s.expires_at, now())) as successor
       from client_secret s join client c on c.id = s.client_id and c.state in ('active', 'suspended')
       where s.slot is not null and s.expires_at < now() + make_interval(days => $1::int))
     update client_secret s set warned_on = vietnam_date() from ending e
     where s.id = e.id and s.slot is not null and s.warned_on is distinct from vietnam_date()
       and (s.expires_at > now() or not e.successor)
     returning s.id, s.client_id as "clientId", s.expires_at as "expiresAt", e.successor as "hasSuccessor"`,
    [days],
  )
}
