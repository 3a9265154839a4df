/** Re-homing of a portal into another: begin, undo until the end of its last day, complete after it. */
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type By, type Note, type Reasoned, askedDetail, audited } from '../recording.ts'
import { vietnamDate } from '../vietnam-date.ts'
import { insertClientChange, lockClients, setClientState } from '../store/client-changes.ts'
import type { ClientRow } from '../store/clients.ts'
import type { Database, Db } from '../store/db.ts'
import {
  type RehomeRow,
  completeRehomes,
  hasOwnPersons,
  insertRehome,
  listStandingRehomes,
  lockRehomes,
  undoRehome,
} from '../store/rehomes.ts'
import type { ClientMetadata } from './clients.ts'
import { hasGoneOver, leadsTo, rehomesFrom, rehomesInto, sectorOf, takenBy, unfitFor } from './rehoming.ts'

interface Tools {
  readonly db: Database
  readonly log: Log
}
export interface Wish {
  readonly oldClient: string
  readonly newClient: string
  /** The old portal's last day in Vietnam, `YYYY-MM-DD`. */
  readonly until: string
}

/** @throws BrokerError `input_invalid`, or `state_conflict` with the obstacle */
export async function beginRehome(tx: Db, note: Note, wish: Wish, by: Reasoned): Promise<RehomeRow> {
  const { oldClient, newClient, until } = wish
  const now = Date.now()
  if (until < vietnamDate(now)) throw new BrokerError('input_invalid', 'until: must not be in the past')
  if (until > vietnamDate(now + 3 * 366 * 86_400_000))
    throw new BrokerError('input_invalid', 'until: must be within three years')
  await lockRehomes(tx)
  const standing = await listStandingRehomes(tx)
  const chain = {
    before: [oldClient, ...rehomesInto(standing, oldClient).map((row) => row.oldClient)],
    after: [newClient, ...rehomesFrom(standing, newClient).map((row) => row.newClient)],
  }
  const clients = await lockClients(tx, [...new Set([...chain.before, ...chain.after])].toSorted())
  const hindrance = hindranceOf(wish, clients, standing, now) ?? misfitOf(chain, clients)
  if (hindrance !== undefined) throw hindrance
  const sector = sectorOf(standing, metadataOf(clients, oldClient))
  const isTaken = takenBy(standing, newClient) !== undefined
  const isOwn = sector === '' || isTaken || (await hasOwnPersons(tx, newClient, sector))
  const subs = isOwn ? 'own' : 'old'
  const row = await insertRehome(tx, { ...wish, subs, sector, reason: by.reason, by: by.actor })
  await enter(tx, note, 'rehomed', row, by)
  return row
}

const metadataOf = (clients: readonly ClientRow[], id: string) =>
  clients.find((client) => client.id === id)!.metadata as unknown as ClientMetadata

/** Every portal further down the chain must be allowed to have the accounts of every portal before it. */
function misfitOf(
  { before, after }: { readonly before: readonly string[]; readonly after: readonly string[] },
  clients: readonly ClientRow[],
): BrokerError | undefined {
  for (const id of after) {
    for (const former of before) {
      const why = unfitFor(metadataOf(clients, id).policy, metadataOf(clients, former).policy)
      if (why !== undefined) return new BrokerError('state_conflict', `${id}: ${why} (${former})`)
    }
  }
  return undefined
}

function hindranceOf(
  { oldClient, newClient }: Wish,
  clients: readonly ClientRow[],
  standing: readonly RehomeRow[],
  now: number,
): BrokerError | undefined {
  const [before, after] = [oldClient, newClient].map((id) => clients.find((client) => client.id === id))
  if (before === undefined || after === undefined)
    return new BrokerError(
      'input_invalid',
      `${before ? 'new_client' : 'old_client'}: there is no portal with this id`,
    )
  const conflict = (id: string, what: string) => new BrokerError('state_conflict', `${id}: ${what}`)
  if (oldClient === newClient) return conflict(oldClient, 'cannot be re-homed into itself')
  if (before.state === 'draft')
    return conflict(oldClient, 'the portal is a draft and has nothing to take over')
  const known = standing.find((one) => one.oldClient === oldClient)
  if (known !== undefined) return conflict(oldClient, `is already re-homed into ${known.newClient}`)
  if (after.state !== 'active' || hasGoneOver(standing, newClient, now))
    return conflict(newClient, 'is not active; activate it first')
  if (leadsTo(standing, newClient, oldClient))
    return conflict(newClient, `is itself re-homed into ${oldClient}, directly or through others`)
  return undefined
}

/** @throws BrokerError `state_conflict` when the last day is past, or a later re-homing depends on this one */
export const endRehome = (tools: Tools, oldClient: string, by: By): Promise<RehomeRow> =>
  audited(tools, async (tx, note) => {
    await lockRehomes(tx)
    const undone = await undoRehome(tx, { oldClient, by: by.actor })
    if (undone === undefined)
      throw new BrokerError('state_conflict', `${oldClient}: has no re-homing that can be undone`)
    // The next portal has already received these identifiers, as its own `sub`s or as former ones.
    const next = (await listStandingRehomes(tx)).find((one) => one.oldClient === undone.newClient)
    if (next !== undefined && BigInt(next.id) > BigInt(undone.id))
      throw new BrokerError(
        'state_conflict',
        `${next.oldClient}: has since been re-homed into ${next.newClient}; undo that first`,
      )
    await enter(tx, note, 'rehome_undone', undone, by)
    return undone
  })

/** Retires the old portals whose last day is past. The nodes already refuse them, by the clock. */
export const completeDueRehomes = (tools: Tools): Promise<void> =>
  audited(tools, async (tx, note) => {
    await lockRehomes(tx)
    for (const row of await completeRehomes(tx)) {
      const by = { actor: 'system', reason: `re-homed into ${row.newClient}: ${row.reason}`.slice(0, 500) }
      const [before] = await lockClients(tx, [row.oldClient])
      if (before!.state !== 'retired') await setClientState(tx, { id: row.oldClient, state: 'retired' })
      await enter(tx, note, 'rehome_completed', row, by)
    }
  })

/** Writes the histories of both portals and the audit event. */
async function enter(
  tx: Db,
  note: Note,
  action: 'rehomed' | 'rehome_undone' | 'rehome_completed',
  { id, oldClient, newClient, until, subs }: RehomeRow,
  by: By,
): Promise<void> {
  const { actor, reason, reference } = by
  for (const { id: clientId, version, metadata } of await lockClients(tx, [oldClient, newClient]))
    await insertClientChange(tx, { clientId, actor, action, reason: reason ?? null, version, metadata })
  note({
    event: `client.${action}`,
    clientId: oldClient,
    actor,
    reference,
    detail: { rehome: id, into: newClient, until, subs, ...askedDetail(by) },
  })
}
