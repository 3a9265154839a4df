/** A portal goes over into another: begun, undone until its last day is past, completed after it. */
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
  /** The old portal's last day, Vietnam's: `YYYY-MM-DD`. */
  readonly until: string
}

/** @throws BrokerError `input_invalid`, or `state_conflict` with what stands in the way */
export async function beginRehome(tx: Db, note: Note, wish: Wish, by: Reasoned): Promise<RehomeRow> {
  const { oldClient, newClient, until } = wish
  const now = Date.now()
  if (until < vietnamDate(now)) throw new BrokerError('input_invalid', 'until: is past')
  if (until > vietnamDate(now + 3 * 366 * 86_400_000))
    throw new BrokerError('input_invalid', 'until: is more than three years away')
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

/** Each that has the accounts from now on must be fit to have those of each, over however many others. */
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
      `${before ? 'new_client' : 'old_client'}: there is no portal of that id`,
    )
  const conflict = (id: string, what: string) => new BrokerError('state_conflict', `${id}: ${what}`)
  if (oldClient === newClient) return conflict(oldClient, 'goes over into itself')
  if (before.state === 'draft')
    return conflict(oldClient, 'the portal is a draft; there is nothing to take over')
  const known = standing.find((one) => one.oldClient === oldClient)
  if (known !== undefined) return conflict(oldClient, `goes over into ${known.newClient} already`)
  if (after.state !== 'active' || hasGoneOver(standing, newClient, now))
    return conflict(newClient, 'is not active; activate it first')
  if (leadsTo(standing, newClient, oldClient))
    return conflict(newClient, `goes over into ${oldClient} itself, perhaps over others`)
  return undefined
}

/** @throws BrokerError `state_conflict` when it is too late, or a later one builds on it */
export const endRehome = (tools: Tools, oldClient: string, by: By): Promise<RehomeRow> =>
  audited(tools, async (tx, note) => {
    await lockRehomes(tx)
    const undone = await undoRehome(tx, { oldClient, by: by.actor })
    if (undone === undefined)
      throw new BrokerError('state_conflict', `${oldClient}: is not on its way into another portal`)
    // The next portal has been told these very identifiers, as its own or as former ones.
    const next = (await listStandingRehomes(tx)).find((one) => one.oldClient === undone.newClient)
    if (next !== undefined && BigInt(next.id) > BigInt(undone.id))
      throw new BrokerError('state_conflict', `${next.oldClient}: has gone on into ${next.newClient} since`)
    await enter(tx, note, 'rehome_undone', undone, by)
    return undone
  })

/** What every node has done by the clock already is written down: the old portal is retired. */
export const completeDueRehomes = (tools: Tools): Promise<void> =>
  audited(tools, async (tx, note) => {
    await lockRehomes(tx)
    for (const row of await completeRehomes(tx)) {
      const by = { actor: 'system', reason: `gone over into ${row.newClient}: ${row.reason}`.slice(0, 500) }
      const [before] = await lockClients(tx, [row.oldClient])
      if (before!.state !== 'retired') await setClientState(tx, { id: row.oldClient, state: 'retired' })
      await enter(tx, note, 'rehome_completed', row, by)
    }
  })

/** The histories of both portals and the audit, in the transaction. */
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
