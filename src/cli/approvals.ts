/** Commands for requests that wait for a second person. */
import type { ApprovalAnswer } from '../admin/approval-operations.ts'
import type { Page } from '../admin/paging.ts'
import { clientCommand } from './command.ts'
import { eachPage } from './each-page.ts'

/** The answer to a write that may have to wait for a second person. */
export type Held = { readonly approval: string } | Readonly<Record<string, unknown>> | undefined

/** @param done the message if the write was executed at once */
export const tellHeld = (answer: Held, done: string): string =>
  answer !== undefined && typeof answer['approval'] === 'string'
    ? `waits for a second person: ${answer['approval']}`
    : done

export const approvalCommands = {
  'approval list': clientCommand({
    about: 'list what waits for a second person',
    async run({ admin, print }) {
      for await (const { approvals } of eachPage<Page<'approvals', ApprovalAnswer>>(admin, '/v1/approvals'))
        for (const approval of approvals) for (const line of tellLines(approval)) print(line)
    },
  }),
  'approval approve': end('approve', 'approve it as the second person: it is then done'),
  'approval decline': end('decline', 'decline it, or withdraw your own'),
}

function end(what: 'approve' | 'decline', about: string) {
  return clientCommand({
    about,
    args: { APPROVAL: 'its id, from `approval list`' },
    async run({ admin, print }, { APPROVAL: id }) {
      await admin.call('POST', `/v1/approvals/${encodeURIComponent(id)}/${what}`)
      print(`${what}d ${id}`)
    },
  })
}

function tellLines({ id, kind, asks, reason, evidence, ...approval }: ApprovalAnswer): string[] {
  const until = approval.expires_at === null ? '' : `  until ${approval.expires_at}`
  return [
    `${id}  ${kind}  by ${approval.asked_by}  ${approval.asked_at.slice(0, 16)}${until}`,
    ...Object.entries(asks).flatMap(([name, value]) => (value === null ? [] : [`  ${name}: ${text(value)}`])),
    ...(reason === null ? [] : [`  reason: ${reason}`]),
    ...(evidence === null ? [] : [`  evidence: ${evidence}`]),
  ]
}
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
