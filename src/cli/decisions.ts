import { eachPage } from './each-page.ts'
import { clientCommand } from './command.ts'
import type { Page } from '../admin/paging.ts'

interface Waiting {
  readonly id: string
  readonly operation: string
  readonly asks: Readonly<Record<string, unknown>>
  readonly proposed_by: string
  readonly expires_at: string
}

/** Of a write that may have to wait for a second person. */
export type Held = { readonly decision: string } | Readonly<Record<string, unknown>> | undefined

/** @param done what to say when it was done at once */
export const tellHeld = (answer: Held, done: string): string =>
  answer !== undefined && typeof answer['decision'] === 'string'
    ? `waits for a second person: ${answer['decision']}`
    : done

export const decisionCommands = {
  'decision list': clientCommand({
    about: 'what waits for a second person',
    async run({ admin, print }) {
      for await (const { decisions } of eachPage<Page<'decisions', Waiting>>(admin, '/v1/decisions'))
        for (const { id, operation, asks, proposed_by: by, expires_at: until } of decisions)
          print(`${id}  ${operation}  by ${by}  until ${until}\n  ${JSON.stringify(asks)}`)
    },
  }),
  'decision approve': decide('approve', 'be the second person: it is done'),
  'decision decline': decide('decline', 'end it, or take back your own'),
}

function decide(what: 'approve' | 'decline', about: string) {
  return clientCommand({
    about,
    args: { DECISION: 'its id, from `decision list`' },
    async run({ admin, print }, { DECISION: id }) {
      await admin.call('POST', `/v1/decisions/${encodeURIComponent(id)}/${what}`)
      print(`${what}d ${id}`)
    },
  })
}
