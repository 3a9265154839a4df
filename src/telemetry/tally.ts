/**
 * Counts for the figures that a portal can read about itself. They are kept in memory until `portals/figures.ts` writes
 * them to the database; the Prometheus metrics are updated at once. Like the metrics, one tally per process.
 */
import { vietnamDate } from '../vietnam-date.ts'
import { logins, logoutDeliveries, portalLogins, protocolRefusals } from './metrics.ts'

/** A count. `code` of `login`: our error code or '' if completed; of `logout`: delivered, failed; of `request`: OAuth error. */
export interface Tally {
  readonly clientId: string
  /** Date in Vietnam, `YYYY-MM-DD`. */
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

/** @param code code of the error table; absent when the sign-in was completed */
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

/** @param clientId undefined when the portal was not authenticated */
export function tallyRefusal(request: string, error: string, clientId: string | undefined): void {
  protocolRefusals.inc({ request, error })
  if (clientId !== undefined) add(clientId, 'request', error)
}

/** Returns and clears all counts. */
export function takeTallies(): Tally[] {
  const taken = [...pending.values()]
  pending.clear()
  return taken
}

/** Adds counts again that could not be written. */
export function returnTallies(tallies: readonly Tally[]): void {
  for (const tally of tallies) add(tally.clientId, tally.what, tally.code, tally)
}
