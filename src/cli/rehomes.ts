import { eachPage } from './client.ts'
import { type Commands, clientCommand, needed } from './command.ts'
import { type Held, tellHeld } from './decisions.ts'
import type { ToldRehome } from '../admin/rehome-operations.ts'

const subsOf = { old: 'every sub stays', own: 'subs of its own, and former_sub' } as const

export const rehomeCommands: Commands = {
  'client rehome list': clientCommand({
    about: 'portals that went over into another, or are about to',
    async run({ admin, print }) {
      type Listed = { rehomes: ToldRehome[]; next: string | null; more: boolean }
      for await (const { rehomes } of eachPage<Listed>(admin, '/v1/rehomes'))
        for (const one of rehomes)
          print(
            `${one.old_client} → ${one.new_client}  until ${one.until}  ${standOf(one)}  ${subsOf[one.subs]}  ${one.reason}`,
          )
    },
  }),

  'client rehome undo': clientCommand({
    call: 'OLD',
    about: 'until its last day is past: as it was before',
    async run({ admin, print }, args) {
      const old = needed(args[0], 'the OLD portal')
      const undone = await admin.call<ToldRehome>('POST', `/v1/rehomes/${encodeURIComponent(old)}/undo`)
      print(`${old} does not go over into ${undone.new_client}`)
    },
  }),

  'client rehome': clientCommand({
    call: 'OLD NEW --until DAY --reason TEXT',
    about: 'a portal goes over into another, when a second person approves; DAY is its last',
    options: { until: 'string', reason: 'string' },
    async run({ admin, print }, args, options) {
      const [from, into] = [needed(args[0], 'the OLD portal'), needed(args[1], 'the NEW portal')]
      const until = needed(options.until, '--until')
      const held = await admin.call<Held>('POST', '/v1/rehomes', {
        old_client: from,
        new_client: into,
        until,
        reason: needed(options.reason, '--reason'),
      })
      print(tellHeld(held, `${from} goes over into ${into}, and serves until ${until}`))
    },
  }),
}

function standOf({ undone_at: undone, completed_at: completed }: ToldRehome): string {
  if (undone !== null) return `undone ${undone.slice(0, 10)}`
  return completed === null ? 'under way' : `completed ${completed.slice(0, 10)}`
}
