/**
 * The state machine of a legacy account: every state, and every event that leads out of it. No other change of state
 * happens. README.md shows this table as a diagram, and a test compares the two.
 */
import { type AccountState, accountStates } from '../vocabulary.ts'

export const machine = {
  /** Not linked to a person yet. */
  open: { link: 'linked', doubt: 'in_review', exempt: 'exempt' },
  /** An operator must decide; the account is not linked automatically meanwhile. */
  in_review: { approve: 'linked', settle: 'open', retire: 'retired' },
  /** Linked to one subject. After a link ends, the account goes to review and is not linked again automatically. */
  linked: { end: 'in_review' },
  /** An account of staff, who use another login. */
  exempt: { admit: 'open', doubt: 'in_review' },
  /** No longer in use. */
  retired: { reopen: 'in_review' },
} as const satisfies Record<AccountState, Record<string, AccountState>>

export type AccountEvent = { [S in AccountState]: keyof (typeof machine)[S] }[AccountState]

/** The states in which an event is allowed, for the `where` of the statement that executes it. */
export const statesBefore = (event: AccountEvent): AccountState[] =>
  accountStates.filter((state) => event in machine[state])
