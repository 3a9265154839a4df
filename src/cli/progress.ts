import { type ProgressReport, progressCsv, progressTable } from '../mapping/progress.ts'
import { eachPage } from './client.ts'
import { type Commands, clientCommand } from './command.ts'
import type { RefusalsPage } from '../admin/progress-operations.ts'

const asked = (fields: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()

export const progressCommands: Commands = {
  progress: clientCommand({
    call: '[--client ID] [--csv]\n[--province CODE]\n[--from DAY] [--to DAY]\n[--classes]',
    about:
      'how far the mapping is, by portal and province,\nor in one province (`ministry`: in none);\n' +
      'the trend of these days, else of the last 14;\neach portal’s own classes and links',
    options: {
      client: 'string',
      province: 'string',
      from: 'string',
      to: 'string',
      classes: 'boolean',
      csv: 'boolean',
    },
    async run({ admin, print }, _args, { classes = false, csv, ...filter }) {
      const { client, province, from, to } = filter
      const query = asked({ client, province, from, to })
      const report = await admin.call<ProgressReport>('GET', `/v1/progress?${query}`)
      // Whoever names days gets them all.
      const days = from === undefined && to === undefined ? {} : { days: Infinity }
      print(csv ? progressCsv(report).trimEnd() : progressTable(report, { classes, ...days }))
    },
  }),

  refusals: clientCommand({
    call: '[--client ID]',
    about: 'who was refused a link, why, and since when it was locked',
    options: { client: 'string' },
    async run({ admin, print }, _args, { client }) {
      let counts: RefusalsPage['counts']
      for await (const page of eachPage<RefusalsPage>(admin, '/v1/refusals', { client })) {
        counts ??= page.counts
        for (const { at, client: portal, subject, reason, population, since, reference } of page.refusals) {
          const locked = since === null ? '' : `since ${since}`
          const what = [(reason ?? '').padEnd(16), (population ?? '').padEnd(12)]
          print([at, portal, subject, ...what, reference, locked].join('  ').trimEnd())
        }
      }
      for (const { client: portal, reason, n } of counts ?? []) print(`${portal}  ${reason}  ${n}`)
    },
  }),
}
