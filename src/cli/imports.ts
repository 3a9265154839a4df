import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { csvLine } from '../mapping/csv.ts'
import type { ImportSummary } from '../imports/run.ts'
import type { AdminClient } from './client.ts'
import { eachPage } from './each-page.ts'
import { clientCommand, flag, optional, required } from './command.ts'
import { type Terminal, drawBar } from './terminal.ts'
import type { Page } from '../admin/paging.ts'

interface Followed {
  readonly id: string
  readonly dry_run: boolean
  readonly begun_by: string
  readonly begun_at: string
  readonly state: string
  readonly rows_read: number
  readonly rows_done: number
  readonly summary?: ImportSummary
}

export const importCommands = {
  'legacy import': clientCommand({
    about: 'import a portal’s accounts from CSV or NDJSON, also .gz',
    args: { FILE: 'the file with the accounts' },
    options: {
      client: required('ID', 'the portal'),
      'dry-run': flag('check the file and change nothing'),
      result: optional('FILE', 'where to write the result of each row (default: FILE.result.csv)'),
    },
    async run({ admin, print, terminal }, { FILE: file }, { client, 'dry-run': dryRun, ...options }) {
      const result = options.result ?? `${file}.result.csv`
      const id = randomUUID()
      const { size } = await stat(file)
      const sent = createReadStream(file, { highWaterMark: 256 * 1024 })
      let isAnswered = false
      const stop = follow(admin, terminal, id, (run) => ({
        ...run,
        share: size === 0 ? 1 : sent.bytesRead / size,
        ...(isAnswered && { state: 'reporting' }),
      }))
      try {
        const query = new URLSearchParams({ client, id, dry_run: String(dryRun) })
        const report = await admin.upload(`/v1/legacy-imports?${query.toString()}`, sent, 'text/csv')
        isAnswered = true
        await writeResults(report, file, result)
      } finally {
        stop()
      }
      const { summary } = await admin.call<Followed>('GET', `/v1/legacy-imports/${id}`)
      for (const line of tell(summary!, dryRun)) print(line)
      print(`import: ${id}`)
      print(`each row: ${result}`)
    },
  }),

  'legacy imports': clientCommand({
    about: 'list a portal’s imports, latest first: when, by whom, how far',
    options: { client: required('ID', 'the portal') },
    async run({ admin, print }, _args, { client }) {
      const pages = eachPage<Page<'imports', Followed>>(admin, '/v1/legacy-imports', { client })
      for await (const { imports } of pages) {
        for (const run of imports) {
          const rows = `${run.rows_read.toLocaleString('en')} rows`
          const parts = [run.id, run.begun_at, run.begun_by, run.state.padEnd(9), rows]
          print([...parts, ...(run.dry_run ? ['dry run'] : [])].join('  '))
        }
      }
    },
  }),
}

/**
 * Writes the report's lines, each with the account id from the same line of the local file, because the server does not
 * return account ids. The file gets its final name only when it is complete.
 */
async function writeResults(report: Readable, file: string, to: string): Promise<void> {
  const { readLegacyFile } = await import('../imports/file.ts')
  const part = `${to}.part`
  const out = createWriteStream(part, { mode: 0o600 })
  // The byte order mark makes spreadsheets read the file as UTF-8.
  await write(out, `\ufeff${csvLine(['line', 'account_id', 'result', 'classes', 'detail'])}`)
  const lines = createInterface({ input: report, crlfDelay: Infinity })[Symbol.asyncIterator]()
  await lines.next()
  for await (const rows of readLegacyFile(createReadStream(file, { highWaterMark: 256 * 1024 }))) {
    let text = ''
    for (const { line, fields } of rows) {
      const { value = '', done } = await lines.next()
      const [, at, outcome = '', classes = '', detail = ''] =
        /^(\d+),(\w+),"([^"]*)","([^"]*)"$/.exec(value) ?? []
      if (done || Number(at) !== line)
        throw new Error('the report does not match the file: was the file changed during the import?')
      text += csvLine([line, fields.account_id ?? '', outcome, classes, detail])
    }
    await write(out, text)
  }
  // The run has ended when its report ends.
  if (!(await lines.next()).done)
    throw new Error('the report is longer than the file: was the file changed during the import?')
  out.end()
  await finished(out)
  await rename(part, to)
}

async function write(out: Writable, text: string): Promise<void> {
  if (!out.write(text)) await once(out, 'drain')
}

type Shown = Pick<Followed, 'state' | 'rows_read' | 'rows_done'> & {
  /** Bytes of the file that have been sent. */
  readonly share: number
}

/** A line on the terminal that is updated every second. @returns a function that ends it */
function follow(
  admin: AdminClient,
  { stderr }: Terminal,
  id: string,
  shownOf: (run: Followed) => Shown,
): () => void {
  if (!stderr.isTTY) return () => {}
  let [state, begun, last] = ['reading', performance.now(), performance.now()]
  const show = async () => {
    const run = await admin.call<Followed>('GET', `/v1/legacy-imports/${id}`).catch(() => undefined)
    if (run === undefined || isOver) return
    const shown = shownOf(run)
    // The state began at some time since the last check.
    if (shown.state !== state) [state, begun] = [shown.state, last]
    last = performance.now()
    stderr.write(`\r\u001b[K${progressLine({ ...shown, seconds: (last - begun) / 1000 })}`)
  }
  let isOver = false
  const timer = setInterval(() => void show(), 1_000)
  return () => {
    isOver = true
    clearInterval(timer)
    stderr.write('\r\u001b[K')
  }
}

/**
 * The progress of a run: bytes while the file is read, rows while they are applied. A state in which nothing is
 * counted has no percentage.
 * @param seconds since the state began
 */
export function progressLine({
  state,
  rows_read: read,
  rows_done: done,
  share,
  seconds,
}: Shown & { seconds: number }): string {
  const rows = `${read.toLocaleString('en')} rows`
  const counted =
    state === 'reading'
      ? { part: share, count: read, rows }
      : state === 'applying' && read > 0
        ? { part: done / read, count: done, rows: `${done.toLocaleString('en')} of ${rows}` }
        : undefined
  if (counted === undefined) return `${state.padEnd(9)} ${rows}`
  // The last batch counts as a full one.
  const part = Math.min(counted.part, 1)
  const rate = seconds > 0 ? `, ${Math.round(counted.count / seconds).toLocaleString('en')} rows/s` : ''
  const left =
    seconds > 0 && part > 0 && part < 1 ? `, ${Math.ceil((seconds / part) * (1 - part))} s left` : ''
  return `${state.padEnd(9)} ${drawBar(part)} ${counted.rows}${rate}${left}`
}

function tell({ rows, results, classes }: ImportSummary, dryRun: boolean): string[] {
  const { accepted, unchanged, changed, refused } = results
  const counted = (table: Readonly<Record<string, number>>) =>
    Object.entries(table).map(
      ([name, count]) => `  ${name.padEnd(22)} ${count.toLocaleString('en').padStart(12)}`,
    )
  return [
    `${rows.toLocaleString('en')} rows${dryRun ? '; a dry run: nothing was changed' : ''}`,
    ...counted({ accepted, unchanged, changed, refused }),
    ...(Object.keys(classes).length > 0 ? ['of these'] : []),
    ...counted(classes),
  ]
}
