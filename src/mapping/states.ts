/**
 * The life of a legacy account: every state, and every event that leads out of it. What is not here does not
 * happen; the README draws this table, and a test compares the two.
 */
import { type AccountState, accountStates } from '../vocabulary.ts'

export const machine = {
  /** Nobody's yet. */
  open: { link: 'linked', doubt: 'in_review', exempt: 'exempt' },
  /** A human decides; nothing links meanwhile by itself. */
  in_review: { approve: 'linked', settle: 'open', retire: 'retired' },
  /** One subject's. An end is never followed by a new link of its own accord: it is a case. */
  linked: { end: 'in_review' },
  /** Staff: they stay on another login. */
  exempt: { admit: 'open', doubt: 'in_review' },
  /** In use no more. */
  retired: { reopen: 'in_review' },
} as const satisfies Record<AccountState, Record<string, AccountState>>

export type AccountEvent = { [S in AccountState]: keyof (typeof machine)[S] }[AccountState]

/** The states that an event can find an account in, for the `where` of the statement that carries it out. */
export const statesBefore = (event: AccountEvent): AccountState[] =>
  accountStates.filter((state) => event in machine[state])
