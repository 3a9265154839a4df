/**
 * Until when a portal may vouch for its old accounts, by population: open → grace → locked. The law's dates are the
 * defaults; a portal's policy may set its own.
 */
import { vietnamDate } from '../vietnam-date.ts'
import type { Population } from '../vocabulary.ts'

export type Phase = 'open' | 'grace' | 'locked' | 'exempt'

/** First day of each phase in Vietnam (UTC+7), `YYYY-MM-DD`; absent if it has no date yet. */
export interface LockDates {
  readonly grace?: string | undefined
  readonly locked?: string | undefined
}

/**
 * - citizens: portals' own accounts were usable until 1/7/2024 (Decree 59/2022); the National Portal accepted only VNeID
 *   from 15/6/2024
 * - organisations: until 30/6/2025 (Decree 69/2024 art. 40(4), in force from 1/7/2024)
 * - foreigners: no date yet; guidance is expected
 */
export const legalDates: Readonly<Record<Exclude<Population, 'staff'>, LockDates>> = {
  citizen: { grace: '2024-06-15', locked: '2024-07-01' },
  organisation: { grace: '2024-07-01', locked: '2025-07-01' },
  foreigner: {},
}

export interface LockPolicy {
  readonly lock: Readonly<Partial<Record<Exclude<Population, 'staff'>, LockDates | undefined>>>
  /** A written exception for late requests; `until` is a date `YYYY-MM-DD`. */
  readonly latecomers?: { readonly reference: string; readonly until: string } | undefined
}

export interface LockStatus {
  readonly phase: Phase
  /** First day of the lock, past or future; undefined if the population has no date. */
  readonly lockedFrom: string | undefined
  /** True if a request after the lock may still go to review. */
  readonly latecomer: boolean
}

/** @param now milliseconds since the epoch */
export function lockStatus(
  population: Population,
  { lock, latecomers }: LockPolicy,
  now: number,
): LockStatus {
  if (population === 'staff') return { phase: 'exempt', lockedFrom: undefined, latecomer: false }
  const dates = lock[population] ?? legalDates[population]
  const today = vietnamDate(now)
  const reached = (day: string | undefined) => day !== undefined && day <= today
  const phase = reached(dates.locked) ? 'locked' : reached(dates.grace) ? 'grace' : 'open'
  return {
    phase,
    lockedFrom: dates.locked,
    latecomer: phase === 'locked' && latecomers !== undefined && today <= latecomers.until,
  }
}
