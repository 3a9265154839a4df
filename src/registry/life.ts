/**
 * The life of a portal in the registry: every state, and every act that leads out of it. What is not here does not
 * happen. Only an active portal is there for citizens; a retired one never comes back, and its id is never used again.
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

/** @returns undefined when the act does not follow from the state */
export const stateAfter = (state: ClientState, act: LifeAct): ClientState | undefined =>
  (machine[state] as Partial<Record<LifeAct, ClientState>>)[act]

/** The one act that leads from a state to another. */
export const actBetween = (from: ClientState, to: ClientState): LifeAct | undefined =>
  lifeActs.find((act) => stateAfter(from, act) === to)
