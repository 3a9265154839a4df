/** CSV (RFC 4180) → rows, through csv-parse. */
import { CsvError, parse } from 'csv-parse'
import { invalidFile } from './bytes.ts'
import {
  type ColumnName,
  type FileLimits,
  type Header,
  type RawRow,
  at,
  columnOf,
  faultOf,
  isBlank,
  isOtherHeader,
  isSameHeader,
  newlines,
  readHeader,
} from './columns.ts'

const breaks = /[\r\n]/
/** A fast check: most account ids have a character that no header has. */
const inNoHeader = /[\d.@-]/

export interface Reader {
  write(piece: Buffer): Promise<void>
  end(): Promise<void>
}

/** csv-parse's internal state of the current record; its errors give neither the opening quote nor the number of fields. */
interface Unfinished {
  readonly record: readonly string[]
  readonly field: { readonly length: number; toString(encoding: 'utf8'): string }
  readonly quoting: boolean
}

/** @param hasSeparatorLine whether the first line is a spreadsheet's `sep=;`, which only names the delimiter */
export function openCsv(
  { delimiter, hasSeparatorLine }: { delimiter: string; hasSeparatorLine: boolean },
  rows: RawRow[],
  limits: FileLimits,
): Reader {
  let isBegun = !hasSeparatorLine
  let header: Header | undefined
  /** Line on which the current record begins. Counted here, because csv-parse counts CRLF within quotes twice. */
  let line = 1
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    max_record_size: limits.record,
    // Null keeps the record out of the output stream, which would cost a third of the time.
    on_record: (record: string[]) => {
      takeRecord(record)
      return null
    },
  })
  const { state } = parser as unknown as { state: Unfinished }
  // `write` and `end` report the error to the caller.
  parser.on('error', () => {})

  function takeRecord(record: string[]): void {
    const start = line
    line += 1
    if (isBlank(record[0]!) && record.every(isBlank)) {
      for (const field of record) line += newlines(field)
      return
    }
    if (!isBegun) {
      isBegun = true
      return
    }
    checkWidth(record, start)
    if (header !== undefined && record.length < header.names.length)
      throw invalidFile(
        `line ${start}, column ${record.length}: the row has too few columns; the header has ${header.names.length}`,
      )
    for (const [index, field] of record.entries()) {
      const fault = faultOf(field, limits) ?? faultOfPlace(field, index)
      if (fault !== undefined) throw invalidFile(`${at(line - 1, index, header?.names[index])}: ${fault}`)
      if (breaks.test(field)) line += newlines(field)
    }
    if (header === undefined) {
      header = readHeader(record, start)
      return
    }
    if (!inNoHeader.test(record[0]!) && columnOf(record[0]!) !== undefined) {
      if (isSameHeader(record, header)) return
      if (isOtherHeader(record))
        throw invalidFile(
          `line ${start}, column 1: a header of other columns, as in joined files; import each file by itself`,
        )
    }
    const fields: Partial<Record<ColumnName, string>> = {}
    const { names } = header
    for (let index = 0; index < names.length; index++) fields[names[index]!] = record[index]!
    rows.push({ line: start, fields })
  }

  /** A value where the header has none. */
  const faultOfPlace = (field: string, index: number): string | undefined =>
    header !== undefined && index >= header.names.length && !isBlank(field)
      ? 'a value in a column without a header; name the column, or delete it'
      : undefined

  function checkWidth(record: readonly string[], start: number): void {
    if (header !== undefined && record.length > header.width)
      throw invalidFile(`line ${start}, column ${header.width + 1}: the row has more columns than the header`)
    if (record.length > limits.columns)
      throw invalidFile(`line ${start}, column ${limits.columns + 1}: more than ${limits.columns} columns`)
  }

  /** Replaces csv-parse's message, which quotes the field. */
  function translate(error: Error): Error {
    if (!(error instanceof CsvError)) return error
    checkWidth(state.record, line)
    const begun = state.record.reduce((sum, field) => sum + newlines(field), line)
    const index = state.record.length
    const fault = csvFaults[error.code]?.(limits, state) ?? 'not CSV'
    return invalidFile(`${at(begun, index, header?.names[index])}: ${fault}`)
  }

  const settle = (act: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      act((error) => (error ? reject(error) : resolve()))
    }).catch((error: Error) => {
      throw translate(error)
    })

  return {
    async write(piece) {
      await settle((done) => parser.write(piece, done))
      // Checked after every write, because empty fields do not count toward `max_record_size`.
      checkWidth(state.record, line)
    },
    end: () => settle((done) => parser.end(done)),
  }
}

const csvFaults: Record<string, (limits: FileLimits, state: Unfinished) => string> = {
  CSV_INVALID_CLOSING_QUOTE: () => 'text after the closing quote; double each quote within a field',
  INVALID_OPENING_QUOTE: (_limits, { field }) =>
    field.toString('utf8') === '='
      ? 'a formula of a spreadsheet (="…"); export its value'
      : 'a quote within an unquoted field; quote the whole field',
  CSV_QUOTE_NOT_CLOSED: () => 'the opening quote has no closing quote',
  CSV_MAX_RECORD_SIZE: (limits, { field, quoting }) =>
    (field.length > limits.field
      ? `longer than ${limits.field} characters`
      : `the record is longer than ${limits.record} characters`) +
    (quoting ? '; check that the opening quote is closed' : ''),
}
