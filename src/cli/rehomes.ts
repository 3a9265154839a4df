import { eachPage } from './each-page.ts'
import { clientCommand, required } from './command.ts'
import { type Held, tellHeld } from './approvals.ts'
import type { RehomeAnswer } from '../admin/rehome-operations.ts'

const subsOf = { old: 'every sub stays', own: 'subs of its own, and former_sub' } as const

export const rehomeCommands = {
  'client rehome list': clientCommand({
    about: 'list re-homings: portals that were merged into another, or will be',
    async run({ admin, print }) {
      type Listed = { rehomes: RehomeAnswer[]; next: string | null; more: boolean }
      for await (const { rehomes } of eachPage<Listed>(admin, '/v1/rehomes'))
        for (const one of rehomes)
          print(
            `${one.old_client} → ${one.new_client}  until ${one.until}  ${standOf(one)}  ${subsOf[one.subs]}  ${one.reason}`,
          )
    },
  }),

  'client rehome undo': clientCommand({
    about: 'undo a re-homing, until its last day is past',
    args: { OLD: 'the portal that is handed over' },
    async run({ admin, print }, { OLD: old }) {
      const undone = await admin.call<RehomeAnswer>('POST', `/v1/rehomes/${encodeURIComponent(old)}/undo`)
      print(`undone: ${old} is no longer handed over to ${undone.new_client}`)
    },
  }),

  'client rehome': clientCommand({
    about: 're-home a portal into another, when a second person approves',
    args: { OLD: 'the portal that ends', NEW: 'the portal that takes its place' },
    options: {
      until: required('DAY', 'the last day of the old portal'),
      reason: required('TEXT', 'why'),
    },
    async run({ admin, print }, { OLD: from, NEW: into }, { until, reason }) {
      const held = await admin.call<Held>('POST', '/v1/rehomes', {
        old_client: from,
        new_client: into,
        until,
        reason,
      })
      print(tellHeld(held, `${from} is handed over to ${into}, and serves until ${until}`))
    },
  }),
}

function standOf({ undone_at: undone, completed_at: completed }: RehomeAnswer): string {
  if (undone !== null) return `undone ${undone.slice(0, 10)}`
  return completed === null ? 'under way' : `completed ${completed.slice(0, 10)}`
}
