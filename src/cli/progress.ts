import type { ProgressReport } from '../mapping/progress.ts'
import { eachPage } from './each-page.ts'
import { clientCommand, flag, optional } from './command.ts'
import type { RefusalsPage } from '../admin/progress-operations.ts'

const asked = (fields: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()

export const progressCommands = {
  progress: clientCommand({
    about: 'show how many accounts are linked, by portal and province',
    options: {
      client: optional('ID', 'this portal only'),
      province: optional('CODE', 'this province only; `ministry` for portals of no province'),
      from: optional('DAY', 'the first day of the trend (default: the last 14 days)'),
      to: optional('DAY', 'the last day of the trend'),
      classes: flag('also show each portal’s classes and links'),
      csv: flag('print CSV'),
    },
    async run({ admin, print }, _args, { classes, csv, client, province, from, to }) {
      const { progressCsv, progressTable } = await import('../mapping/progress.ts')
      const query = asked({ client, province, from, to })
      const report = await admin.call<ProgressReport>('GET', `/v1/progress?${query}`)
      // All requested days.
      const days = from === undefined && to === undefined ? {} : { days: Infinity }
      print(csv ? progressCsv(report).trimEnd() : progressTable(report, { classes, ...days }))
    },
  }),

  refusals: clientCommand({
    about: 'list refused links: for whom, why, and since when the account is locked',
    options: { client: optional('ID', 'this portal only') },
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
