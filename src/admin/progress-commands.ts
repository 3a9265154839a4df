import { type ProgressReport, progressCsv, progressTable } from '../mapping/progress.ts'
import { type Commands, clientCommand } from './command.ts'

interface Refusals {
  readonly refusals: readonly {
    readonly at: string
    readonly client: string
    readonly subject: string
    readonly reason: string
    readonly since: string | null
    readonly reference: string
  }[]
  readonly counts: readonly { readonly client: string; readonly reason: string; readonly n: number }[]
  readonly next: string
  readonly more: boolean
}

const asked = (fields: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()

export const progressCommands: Commands = {
  progress: clientCommand({
    call: '[--client ID] [--csv]',
    about: 'how far the mapping is, by portal and province',
    options: { client: 'string', csv: 'boolean' },
    async run({ admin, print }, _args, { client, csv }) {
      const report = await admin.call<ProgressReport>('GET', `/v1/progress?${asked({ client })}`)
      print(csv ? progressCsv(report).trimEnd() : progressTable(report))
    },
  }),

  refusals: clientCommand({
    call: '[--client ID]',
    about: 'who was refused a link, why, and since when it was locked',
    options: { client: 'string' },
    async run({ admin, print }, _args, { client }) {
      for (let after = '0', more = true; more;) {
        const page = await admin.call<Refusals>(
          'GET',
          `/v1/refusals?${asked({ client, after, limit: '1000' })}`,
        )
        for (const { at, client: portal, subject, reason, since, reference } of page.refusals) {
          const locked = since === null ? '' : `since ${since}`
          print([at, portal, subject, reason.padEnd(16), reference, locked].join('  ').trimEnd())
        }
        ;({ next: after, more } = page)
        if (!more)
          for (const { client: portal, reason, n } of page.counts) print(`${portal}  ${reason}  ${n}`)
      }
    },
  }),
}
