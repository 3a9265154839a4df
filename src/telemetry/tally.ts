/**
 * What a portal may read about itself, counted as it happens and kept in memory until `portals/figures.ts` writes it
 * down; Prometheus hears of it at once. Like the metrics it belongs to the process.
 */
import { vietnamDate } from '../vietnam-date.ts'
import { logins, logoutDeliveries, portalLogins, protocolRefusals } from './metrics.ts'

/** A day's counts: `login` by our code ('' completed), `logout` (delivered, failed), `request` refused by OAuth error. */
export interface Tally {
  readonly clientId: string
  /** In Vietnam, when it happened. */
  readonly day: string
  readonly what: 'login' | 'logout' | 'request'
  readonly code: string
  n: number
}

const pending = new Map<string, Tally>()

function add(
  clientId: string,
  what: Tally['what'],
  code: string,
  { day, n }: Pick<Tally, 'day' | 'n'> = { day: vietnamDate(Date.now()), n: 1 },
): void {
  const key = `${day} ${what} ${code} ${clientId}`
  const tally = pending.get(key)
  if (tally === undefined) pending.set(key, { clientId, day, what, code, n })
  else tally.n += n
}

/** @param code of the error table; none when the citizen came in */
export function tallyLogin(clientId: string, code = ''): void {
  const outcome = code === '' ? 'completed' : 'refused'
  logins.inc({ outcome, code })
  portalLogins.inc({ client: clientId, outcome })
  add(clientId, 'login', code)
}

export function tallyLogout(clientId: string, outcome: 'delivered' | 'failed'): void {
  logoutDeliveries.inc({ client: clientId, outcome })
  add(clientId, 'logout', outcome)
}

/** @param clientId undefined where nobody proved to be that portal */
export function tallyRefusal(request: string, error: string, clientId: string | undefined): void {
  protocolRefusals.inc({ request, error })
  if (clientId !== undefined) add(clientId, 'request', error)
}

/** All that has been counted since the last time. */
export function takeTallies(): Tally[] {
  const taken = [...pending.values()]
  pending.clear()
  return taken
}

/** What could not be written comes back. */
export function returnTallies(tallies: readonly Tally[]): void {
  for (const tally of tallies) add(tally.clientId, tally.what, tally.code, tally)
}
