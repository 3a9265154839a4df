/**
 * Streams a portal's file of legacy accounts into rows: CSV or NDJSON, optionally compressed with gzip. The first
 * syntax fault refuses the whole file. `row.ts` and `values.ts` interpret the fields.
 */
import { invalidFile, utf8Pieces } from './bytes.ts'
import {
  type ColumnName,
  type FileLimits,
  type RawRow,
  at,
  columnOf,
  faultOf,
  newlines,
  unknownKey,
} from './columns.ts'
import { type Reader, openCsv } from './csv.ts'
import { formatOfText } from './formats.ts'

export { type RawRow, columns } from './columns.ts'

const defaults: FileLimits = {
  bytes: 20e9,
  ratio: 200,
  ratioFrom: 8 * 1024 * 1024,
  field: 4096,
  record: 65_536,
  columns: 64,
}
const batchSize = 1000

/** Yields batches of up to 1000 rows. @throws BrokerError `import_invalid` at the first fault, with line and column */
export async function* readLegacyFile(
  source: AsyncIterable<Buffer>,
  options: { readonly limits?: Partial<FileLimits> } = {},
): AsyncGenerator<RawRow[]> {
  const limits = { ...defaults, ...options.limits }
  const rows: RawRow[] = []
  let reader: Reader | undefined
  let head: Buffer = Buffer.alloc(0)
  for await (const piece of utf8Pieces(source, limits)) {
    if (reader !== undefined) await reader.write(piece)
    else {
      head = Buffer.concat([head, piece])
      if (!isHeadWhole(head, limits)) continue
      reader = openReader(head, rows, limits)
      await reader.write(withoutBom(head))
    }
    while (rows.length >= batchSize) yield rows.splice(0, batchSize)
  }
  if (reader === undefined) {
    reader = openReader(head, rows, limits)
    await reader.write(withoutBom(head))
  }
  await reader.end()
  while (rows.length > 0) yield rows.splice(0, batchSize)
}

const withoutBom = (head: Buffer) =>
  head.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? head.subarray(3) : head

/** The first line that is not blank. */
const firstLine = /^[\s\ufeff]*([^\s\ufeff][^\r\n]*)([\r\n]?)/

/** Whether there is enough to detect format and delimiter. @throws BrokerError when the first line is too long */
function isHeadWhole(head: Buffer, limits: FileLimits): boolean {
  const [, line = '', end = ''] = firstLine.exec(head.toString()) ?? []
  if (line.startsWith('{')) return true
  if (line.length > limits.record || (line === '' && head.length > limits.record))
    throw invalidFile(`line 1: no header within ${limits.record} characters`)
  return end !== ''
}

const delimiters = [',', ';', '\t', '|'] as const
/** What spreadsheets write before the header, so that they find the delimiter again. */
const separatorLine = /^"?sep=(.)"?[,;\t|]*$/i

function openReader(head: Buffer, rows: RawRow[], limits: FileLimits): Reader {
  const text = head.toString()
  const line = firstLine.exec(text)?.[1]
  if (line === undefined) throw invalidFile('line 1: the file is empty')
  const number = newlines(text.slice(0, text.indexOf(line))) + 1
  const format = formatOfText(line)
  if (format !== undefined) throw invalidFile(`line ${number}, column 1: ${format}`)
  if (line.startsWith('{')) return openNdjson(rows, limits)
  const [, named] = separatorLine.exec(line) ?? []
  if (named !== undefined && !delimiters.some((one) => one === named))
    throw invalidFile(`line ${number}, column 1: the separator is none of comma, semicolon, tab and |`)
  const unquoted = line.replaceAll(/"[^"]*"/g, '')
  const count = (delimiter: string) => unquoted.split(delimiter).length
  const delimiter =
    named ?? delimiters.reduce((best, other) => (count(other) > count(best) ? other : best), ',')
  return openCsv({ delimiter, hasSeparatorLine: named !== undefined }, rows, limits)
}

function openNdjson(rows: RawRow[], limits: FileLimits): Reader {
  let line = 1
  /** The line so far. Each piece is searched once, however long the line gets. */
  let pending = ''
  /** A carriage return at the end of the last piece: a line feed may follow it. */
  let held = ''

  function takeLine(text: string): void {
    checkLength(text)
    if (text.trim() !== '') rows.push({ line, fields: readObject(text, line, limits) })
    line++
  }
  function checkLength(text: string): void {
    if (text.length > limits.record)
      throw invalidFile(`line ${line}: longer than ${limits.record} characters`)
  }

  return {
    async write(piece) {
      const text = held + piece.toString()
      held = text.endsWith('\r') ? '\r' : ''
      const lines = text.slice(0, text.length - held.length).split(/\r\n|\n|\r/)
      lines[0] = pending + lines[0]!
      pending = lines.pop()!
      for (const one of lines) takeLine(one)
      checkLength(pending)
    },
    async end() {
      if (pending !== '') takeLine(pending)
    },
  }
}

/** A JSON string, and the colon after it if it is a key. */
const keysAndStrings = /"(?:[^"\\]|\\.)*"\s*(:?)/g

function readObject(text: string, line: number, limits: FileLimits): RawRow['fields'] {
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    // The parser's message quotes the line, so it is replaced below.
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw invalidFile(
      text.trim() === '{'
        ? `line ${line}: the object continues on the next line; write each object on a line of its own`
        : `line ${line}: not a JSON object`,
    )
  const entries = Object.entries(object)
  if (entries.length > limits.columns)
    throw invalidFile(`line ${line}, column ${limits.columns + 1}: more than ${limits.columns} columns`)
  const fields: Partial<Record<ColumnName, string>> = {}
  for (const [index, [key, value]] of entries.entries()) {
    const name = columnOf(key)
    if (name === undefined) throw invalidFile(`${at(line, index)}: ${unknownKey()}`)
    if (Object.hasOwn(fields, name))
      throw invalidFile(`${at(line, index, name)}: the column appears twice; remove one`)
    if (value === null) continue
    if (typeof value !== 'string')
      throw invalidFile(
        `${at(line, index, name)}: must be a string, because a number loses its leading zeros`,
      )
    const fault = faultOf(value, limits)
    if (fault !== undefined) throw invalidFile(`${at(line, index, name)}: ${fault}`)
    fields[name] = value
  }
  // JSON.parse silently keeps the last of two equal keys, so the keys are counted in the text.
  let keys = 0
  for (const [, colon] of text.matchAll(keysAndStrings)) if (colon !== '') keys++
  if (keys !== entries.length) throw invalidFile(`line ${line}: a key appears twice; remove one`)
  return fields
}
