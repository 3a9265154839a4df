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

/** csv-parse's internal state of the current record; its errors give neither the opening quote nor the number of fields. */
interface Unfinished {
  readonly record: readonly string[]
  readonly field: { readonly length: number }
  readonly quoting: boolean
}

export function openCsv(delimiter: string, rows: RawRow[], limits: FileLimits): Reader {
  let header: ColumnName[] | undefined
  /** Line on which the current record begins. Counted here, because csv-parse counts CRLF within quotes twice. */
  let line = 1
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n'],
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
    if (record.length === 1 && record[0]!.trim() === '') {
      line += newlines(record[0]!)
      return
    }
    checkWidth(record, start)
    if (header !== undefined && record.length < header.length)
      throw invalidFile(
        `line ${start}, column ${record.length}: the row has too few columns; the header has ${header.length}`,
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
      throw invalidFile(
        `line ${start}, column ${header.length + 1}: the row has more columns than the header`,
      )
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
      // Checked after every write, because empty fields do not count toward `max_record_size`.
      checkWidth(state.record, line)
    },
    end: () => settle((done) => parser.end(done)),
  }
}

const csvFaults: Record<string, (limits: FileLimits, state: Unfinished) => string> = {
  CSV_INVALID_CLOSING_QUOTE: () => 'text after the closing quote; double each quote within a field',
  INVALID_OPENING_QUOTE: () => 'a quote within an unquoted field; quote the whole field',
  CSV_QUOTE_NOT_CLOSED: () => 'the opening quote has no closing quote',
  CSV_MAX_RECORD_SIZE: (limits, { field, quoting }) =>
    (field.length > limits.field
      ? `longer than ${limits.field} characters`
      : `the record is longer than ${limits.record} characters`) +
    (quoting ? '; check that the opening quote is closed' : ''),
}
