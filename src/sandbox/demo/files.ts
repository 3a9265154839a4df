/** The portals' files, their imports, the feed of links, and the progress report. */
import { classNames } from '../../mapping/classes.ts'
import type { ImportSummary } from '../../imports/run.ts'
import { type ProgressReport, progressTable } from '../../mapping/progress.ts'
import { importFile } from './officers.ts'
import type { Stage } from './stage.ts'
import { exampleFiles, laterFile } from '../examples.ts'

/** @returns the classes that the import found */
export async function bringFiles({ tell, officers: [officer] }: Stage): Promise<Set<string>> {
  tell.scene('Before the first login: an officer imports the portals’ files of old accounts')
  const brought = []
  for (const file of exampleFiles) brought.push({ ...file, ...(await importFile(officer, file)) })
  const summaries = brought.map(({ summary }) => summary)
  tell.table([['rows', ...brought.map(({ clientId }) => clientId)], ...countsOf(summaries)])
  tell.held(
    'The report names a refused row by line and column, never by its value: one birth date is 31 February.',
    brought[0]?.report.at(-1)?.join().startsWith('19,refused,invalid_field,birth_date: ') === true,
  )
  return new Set(summaries.flatMap(({ classes }) => Object.keys(classes)))
}

/** Rows by result, then by class, with one column per file. */
function countsOf(summaries: readonly ImportSummary[]): string[][] {
  const counted = summaries.map(({ results, classes }) => ({ ...results, ...classes }))
  const names = ['accepted', 'unchanged', 'changed', 'refused', ...classNames]
  return names
    .map((name) => [name, ...counted.map((counts) => String((counts as Record<string, number>)[name] ?? ''))])
    .filter(([, ...cells]) => cells.some((cell) => Number(cell) > 0))
}

/** @param before the classes that the first imports found */
export async function bringLaterFile(
  { tell, officers: [officer] }: Stage,
  before: ReadonlySet<string>,
): Promise<void> {
  tell.scene('Weeks later, portal one sends its file again')
  const { summary, report } = await importFile(officer, laterFile)
  tell.table([['line', 'result', 'classes', 'why'], ...report])
  const { accepted, unchanged, changed, refused } = summary.results
  tell.held(
    'Another number for a known account changes nothing: officers decide which of the two is right.',
    [accepted, unchanged, changed, refused].join() === '2,1,1,2' && summary.classes['number_changed'] === 1,
  )
  tell.held(
    'A new account with a cancelled number becomes a case for an officer at once.',
    summary.classes['number_cancelled'] === 1,
  )
  const shown = new Set([...before, ...Object.keys(summary.classes)])
  tell.held(
    `The example files have now shown all ${classNames.length} classes of the import’s checks.`,
    classNames.every((name) => shown.has(name)),
  )
}

export async function readFeed({ tell, portals: [one], issuer }: Stage): Promise<void> {
  tell.scene('Portal one reads the changes of its links without a citizen: GET /legacy-accounts/changes')
  const changes = await one.readChanges()
  tell.table([
    ['change', 'old account', 'sub (differs by portal)', 'method'],
    ...changes.map(({ change, id, sub, method }) => [change, id, `${sub.slice(0, 12)}…`, method]),
  ])
  // The first three come from one login, so their order is not defined.
  const lines = changes.map(({ change, id }) => `${change} ${id}`)
  tell.held(
    'With its own access token (client_credentials) it reads every new and every ended link, in order.',
    lines.slice(0, 3).every((line) => line.startsWith('linked ')) &&
      lines.slice(3).join() ===
        'linked phamvandung,linked an.nguyen.cu,unlinked an.thauxaydung,linked giang.dinh',
  )
  const bare = await fetch(`${issuer}/legacy-accounts/changes`)
  tell.held('Without a token the request is refused.', bare.status === 401)
}

export async function readProgress({ tell, officers: [officer] }: Stage): Promise<void> {
  tell.scene('The progress of the mapping, as “npm run cli -- progress” prints it')
  const report = await officer.admin.call<ProgressReport>('GET', '/v1/progress')
  tell.text(`${progressTable(report)}\n`)
  const { accounts, states } = report.total.all
  const { open, linked, in_review: waiting, exempt } = states
  tell.held(
    `Every account has a state: ${linked} linked, ${waiting} in review, ${exempt} exempt, ${open} open.`,
    linked === 6 && waiting === 3 && linked + waiting + exempt + open === accounts,
  )
}
