/**
 * The states of a portal and every possible transition. Citizens can sign in only at an active portal. A retired portal
 * cannot be reactivated, and its id cannot be reused.
 */
import type { ClientState } from '../store/clients.ts'

const machine = {
  draft: { activate: 'active', retire: 'retired' },
  active: { suspend: 'suspended' },
  suspended: { activate: 'active', retire: 'retired' },
  retired: {},
} as const satisfies Record<ClientState, Partial<Record<string, ClientState>>>

export const lifeActs = ['activate', 'suspend', 'retire'] as const
export type LifeAct = (typeof lifeActs)[number]

/** @returns undefined when the act is not possible in this state */
export const stateAfter = (state: ClientState, act: LifeAct): ClientState | undefined =>
  (machine[state] as Partial<Record<LifeAct, ClientState>>)[act]

/** The act that leads from one state to the other; undefined if there is none. */
export const actBetween = (from: ClientState, to: ClientState): LifeAct | undefined =>
  lifeActs.find((act) => stateAfter(from, act) === to)
