import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { csvLine } from '../mapping/csv.ts'
import { readLegacyFile } from '../mapping/import-file.ts'
import type { ImportSummary } from '../mapping/import-run.ts'
import type { AdminClient } from './client.ts'
import { type Commands, clientCommand, needed } from './command.ts'

interface Followed {
  readonly state: string
  readonly rows_read: number
  readonly rows_done: number
  readonly summary?: ImportSummary
}

export const importCommands: Commands = {
  'legacy import': clientCommand({
    call: 'FILE --client ID [--dry-run]\n[--result FILE]',
    about: 'a portal’s accounts from CSV or NDJSON, also .gz;\nwhat became of each row (FILE.result.csv)',
    options: { client: 'string', 'dry-run': 'boolean', result: 'string' },
    async run({ admin, print }, args, options) {
      const file = needed(args[0], 'the FILE')
      const client = needed(options.client, '--client')
      const dryRun = options['dry-run'] === true
      const result = options.result ?? `${file}.result.csv`
      const id = randomUUID()
      const { size } = await stat(file)
      const sent = createReadStream(file, { highWaterMark: 256 * 1024 })
      const stop = follow(admin, id, () => (size === 0 ? 1 : sent.bytesRead / size))
      try {
        const query = new URLSearchParams({ client, id, dry_run: String(dryRun) })
        const report = await admin.upload(`/v1/legacy-imports?${query.toString()}`, sent, 'text/csv')
        await writeResults(report, file, result)
      } finally {
        stop()
      }
      const { summary } = await admin.call<Followed>('GET', `/v1/legacy-imports/${id}`)
      for (const line of tell(summary!, dryRun)) print(line)
      print(`each row: ${result}`)
    },
  }),
}

/** The report's lines, each beside the account id of the same line of the file, which never came back to us. */
async function writeResults(report: Readable, file: string, to: string): Promise<void> {
  const out = createWriteStream(to, { mode: 0o600 })
  // So that a spreadsheet takes it for UTF-8.
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
        throw new Error('the report does not follow the file: has it been changed?')
      text += csvLine([line, fields.account_id ?? '', outcome, classes, detail])
    }
    await write(out, text)
  }
  // The run is over when its report is.
  if (!(await lines.next()).done) throw new Error('the report is longer than the file: has it been changed?')
  out.end()
  await finished(out)
}

async function write(out: Writable, text: string): Promise<void> {
  if (!out.write(text)) await once(out, 'drain')
}

/** A line on the terminal that is written again every second. @returns ends it */
function follow(admin: AdminClient, id: string, share: () => number): () => void {
  const begun = performance.now()
  const { stderr } = process
  const show = async () => {
    const run = await admin.call<Followed>('GET', `/v1/legacy-imports/${id}`).catch(() => undefined)
    if (run === undefined) return
    const seconds = (performance.now() - begun) / 1000
    const rate = run.rows_read / seconds
    const done = share()
    const left = done > 0 && done < 1 ? `, ${Math.ceil((seconds / done) * (1 - done))} s left` : ''
    const bar = '█'.repeat(Math.round(done * 20)).padEnd(20, '░')
    const rows = `${run.rows_read.toLocaleString('en')} rows, ${Math.round(rate).toLocaleString('en')} rows/s`
    if (stderr.isTTY)
      stderr.write(`\r\u001b[K${run.state.padEnd(9)} ${bar} ${Math.floor(done * 100)}% ${rows}${left}`)
  }
  const timer = setInterval(() => void show(), 1_000)
  return () => {
    clearInterval(timer)
    if (stderr.isTTY) stderr.write('\r\u001b[K')
  }
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
