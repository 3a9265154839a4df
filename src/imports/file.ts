/**
 * A portal's file of legacy accounts → rows, as the bytes come in: CSV or one JSON object a line, either packed
 * with gzip. The file is sound as a whole or refused at its first fault; what a cell says is read elsewhere.
 */
import { invalidFile, utf8Pieces } from './bytes.ts'
import { type ColumnName, type FileLimits, type RawRow, at, columnOf, faultOf } from './columns.ts'
import { type Reader, openCsv } from './csv.ts'

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

/** Rows in batches of a thousand. Throws `import_invalid` at the first fault, with its line and column. */
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

/** The first line with anything on it. */
const firstLine = /^[\s\ufeff]*([^\s\ufeff][^\n]*)(\n?)/

/** Whether format and delimiter can be told; a line without an end is not waited for. */
function isHeadWhole(head: Buffer, limits: FileLimits): boolean {
  const [, line = '', end = ''] = firstLine.exec(head.toString()) ?? []
  if (line.startsWith('{')) return true
  if (line.length > limits.record || (line === '' && head.length > limits.record))
    throw invalidFile(`line 1: no header within ${limits.record} characters`)
  return end !== ''
}

function openReader(head: Buffer, rows: RawRow[], limits: FileLimits): Reader {
  const line = firstLine.exec(head.toString())?.[1]
  if (line === undefined) throw invalidFile('line 1: the file is empty')
  if (line.startsWith('{')) return openNdjson(rows, limits)
  const unquoted = line.replaceAll(/"[^"]*"/g, '')
  const count = (delimiter: string) => unquoted.split(delimiter).length
  const delimiter = [',', ';', '\t'].reduce((best, other) => (count(other) > count(best) ? other : best))
  return openCsv(delimiter, rows, limits)
}

function openNdjson(rows: RawRow[], limits: FileLimits): Reader {
  let line = 1
  let pending = ''

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
      const lines = piece.toString().split('\n')
      lines[0] = pending + lines[0]!
      pending = lines.pop()!
      for (const text of lines) takeLine(text)
      checkLength(pending)
    },
    async end() {
      if (pending !== '') takeLine(pending)
    },
  }
}

/** A string of JSON and the colon that makes it a key. */
const keysAndStrings = /"(?:[^"\\]|\\.)*"\s*(:?)/g

function readObject(text: string, line: number, limits: FileLimits): RawRow['fields'] {
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    // Its message quotes the line.
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw invalidFile(`line ${line}: not a JSON object`)
  const entries = Object.entries(object)
  if (entries.length > limits.columns)
    throw invalidFile(`line ${line}, column ${limits.columns + 1}: more than ${limits.columns} columns`)
  const fields: Partial<Record<ColumnName, string>> = {}
  for (const [index, [key, value]] of entries.entries()) {
    const name = columnOf(key)
    if (name === undefined) throw invalidFile(`${at(line, index)}: no column is called so`)
    if (Object.hasOwn(fields, name)) throw invalidFile(`${at(line, index, name)}: is there twice`)
    if (value === null) continue
    if (typeof value !== 'string')
      throw invalidFile(`${at(line, index, name)}: not a string; a number has lost its leading zeros`)
    const fault = faultOf(value, limits)
    if (fault !== undefined) throw invalidFile(`${at(line, index, name)}: ${fault}`)
    fields[name] = value
  }
  // Of two equal keys JSON.parse keeps the last and says nothing.
  let keys = 0
  for (const [, colon] of text.matchAll(keysAndStrings)) if (colon !== '') keys++
  if (keys !== entries.length) throw invalidFile(`line ${line}: a key is there twice`)
  return fields
}
