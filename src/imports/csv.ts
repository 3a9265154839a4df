/** CSV (RFC 4180) → rows, through csv-parse. */
import { CsvError, parse } from 'csv-parse'
import { invalidFile } from './bytes.ts'
import {
  type ColumnName,
  type FileLimits,
  type RawRow,
  at,
  faultOf,
  newlines,
  readHeader,
} from './columns.ts'

export interface Reader {
  write(piece: Buffer): Promise<void>
  end(): Promise<void>
}

/** What csv-parse holds of the record it is in; it tells neither where a quote opened nor how wide a record grew. */
interface Unfinished {
  readonly record: readonly string[]
  readonly field: { readonly length: number }
  readonly quoting: boolean
}

export function openCsv(delimiter: string, rows: RawRow[], limits: FileLimits): Reader {
  let header: ColumnName[] | undefined
  /** Where the record in hand begins; counted here, for csv-parse counts CRLF within quotes twice. */
  let line = 1
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: limits.record,
    // Null keeps the record out of the stream, whose bookkeeping costs a third of the time.
    on_record: (record: string[]) => {
      takeRecord(record)
      return null
    },
  })
  const { state } = parser as unknown as { state: Unfinished }
  // Who writes hears of it.
  parser.on('error', () => {})

  function takeRecord(record: string[]): void {
    const start = line
    line += 1
    if (record.length === 1 && record[0]!.trim() === '') {
      line += newlines(record[0]!)
      return
    }
    checkWidth(record, start)
    if (header !== undefined && record.length < header.length)
      throw invalidFile(
        `line ${start}, column ${record.length}: the row ends here; the header has ${header.length} columns`,
      )
    for (const [index, field] of record.entries()) {
      const fault = faultOf(field, limits)
      if (fault !== undefined) throw invalidFile(`${at(line - 1, index, header?.[index])}: ${fault}`)
      if (field.includes('\n')) line += newlines(field)
    }
    if (header === undefined) {
      header = readHeader(record, start)
      return
    }
    const fields: Partial<Record<ColumnName, string>> = {}
    for (let index = 0; index < record.length; index++) fields[header[index]!] = record[index]!
    rows.push({ line: start, fields })
  }

  function checkWidth(record: readonly string[], start: number): void {
    if (header !== undefined && record.length > header.length)
      throw invalidFile(`line ${start}, column ${header.length + 1}: the header has no such column`)
    if (record.length > limits.columns)
      throw invalidFile(`line ${start}, column ${limits.columns + 1}: more than ${limits.columns} columns`)
  }

  /** csv-parse's own message quotes the field, so none of it goes further. */
  function translate(error: Error): Error {
    if (!(error instanceof CsvError)) return error
    checkWidth(state.record, line)
    const begun = state.record.reduce((sum, field) => sum + newlines(field), line)
    const index = state.record.length
    const fault = csvFaults[error.code]?.(limits, state) ?? 'not CSV'
    return invalidFile(`${at(begun, index, header?.[index])}: ${fault}`)
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
      // As fields come in: empty ones count nothing toward the size of a record.
      checkWidth(state.record, line)
    },
    end: () => settle((done) => parser.end(done)),
  }
}

const csvFaults: Record<string, (limits: FileLimits, state: Unfinished) => string> = {
  CSV_INVALID_CLOSING_QUOTE: () => 'text after the quote that closes the field; a quote within is doubled',
  INVALID_OPENING_QUOTE: () => 'a quote within a field that does not begin with one',
  CSV_QUOTE_NOT_CLOSED: () => 'the quote that opens here is never closed',
  CSV_MAX_RECORD_SIZE: (limits, { field, quoting }) =>
    (field.length > limits.field
      ? `longer than ${limits.field} characters`
      : `the record is longer than ${limits.record} characters`) +
    (quoting ? '; is the quote that opens here closed?' : ''),
}
