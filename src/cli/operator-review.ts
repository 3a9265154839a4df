/** The command of the access review. */
import { clientCommand, flag } from './command.ts'

interface Report {
  readonly since: string | null
  readonly read_at: string
  readonly due_at: string | null
  readonly is_overdue: boolean
  readonly operators: readonly (Readonly<
    Record<'id' | 'kind' | 'created_at' | 'created_by', string> &
      Record<'last_seen_at' | 'key_since' | 'disabled_at' | 'disabled_reason', string | null>
  > & { readonly roles: readonly string[]; readonly did: Readonly<Record<string, number>> })[]
}

const columns = [
  'id',
  'kind',
  'roles',
  'created_at',
  'created_by',
  'last_seen_at',
  'key_since',
  'disabled_at',
  'disabled_reason',
  'did',
] as const

export const operatorReviewCommands = {
  'operator review confirm': clientCommand({
    about: 'record that the report of that moment has been reviewed',
    args: { MOMENT: 'the moment that `operator review` printed' },
    async run({ admin, print }, { MOMENT: moment }) {
      await admin.call('POST', '/v1/operator-reviews', { read_at: moment })
      print('confirmed; the next is due in six months')
    },
  }),

  'operator review': clientCommand({
    about: 'show the access review: who has which roles, and used them',
    options: { csv: flag('print CSV'), json: flag('print JSON') },
    async run({ admin, print }, _args, { csv, json }) {
      const report = await admin.call<Report>('GET', '/v1/operator-review')
      if (json) return print(JSON.stringify(report, undefined, 2))
      const rows = report.operators.map(({ roles, did, ...row }) => ({
        ...row,
        roles: roles.join(' '),
        did: Object.entries(did)
          .map(([event, n]) => `${event} ${n}`)
          .join('; '),
      }))
      if (csv) {
        for (const row of [Object.fromEntries(columns.map((name) => [name, name])), ...rows])
          print(columns.map((name) => cell(row[name as never])).join(','))
        return undefined
      }
      print(
        `since ${report.since ?? 'the beginning'}; due ${report.due_at}${report.is_overdue ? ', overdue' : ''}`,
      )
      for (const row of rows) {
        const state =
          row.disabled_at === null ? `seen ${row.last_seen_at ?? 'never'}` : `disabled ${row.disabled_at}`
        print(`${row.id.padEnd(32)} ${row.kind.padEnd(7)} ${row.roles}  ${state}  by ${row.created_by}`)
        if (row.did !== '') print(`  ${row.did}`)
      }
      return print(`after the review, run: operator review confirm ${report.read_at}`)
    },
  }),
}

/** A spreadsheet must not read an operator's text as a formula. */
function cell(value: string | null): string {
  const text = value ?? ''
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}
