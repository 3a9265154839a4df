/** The columns of a portal's file of legacy accounts, its limits, and the checks that apply to every field. */
import { type ByteLimits, invalidFile } from './bytes.ts'
import { rereadings } from './vietnamese-encodings.ts'

/** The columns that a file may have, with their English and Vietnamese headers. */
// oxfmt-ignore
export const columns = [
  { name: 'account_id',      vietnamese: ['Mã tài khoản', 'Tài khoản'] },
  { name: 'kind',            vietnamese: ['Loại tài khoản'] },
  { name: 'citizen_id',      vietnamese: ['Số định danh cá nhân', 'Số CCCD'] },
  { name: 'cmnd',            vietnamese: ['Số CMND'] },
  { name: 'foreigner_id',    vietnamese: ['Số định danh người nước ngoài'] },
  { name: 'organisation_id', vietnamese: ['Mã định danh tổ chức'] },
  { name: 'tax_code',        vietnamese: ['Mã số thuế'] },
  { name: 'other_id',        vietnamese: ['Giấy tờ khác'] },
  { name: 'name',            vietnamese: ['Họ và tên', 'Họ tên'] },
  { name: 'birth_date',      vietnamese: ['Ngày sinh'] },
  { name: 'sex',             vietnamese: ['Giới tính'] },
  { name: 'attested_at',     vietnamese: ['Ngày so khớp'] },
  { name: 'created_by',      vietnamese: ['Người tạo'] },
  { name: 'last_used_at',    vietnamese: ['Lần dùng cuối'] },
  { name: 'province',        vietnamese: ['Mã tỉnh'] },
  { name: 'email',           vietnamese: ['Thư điện tử', 'Email'] },
  { name: 'phone',           vietnamese: ['Số điện thoại'] },
] as const
export type ColumnName = (typeof columns)[number]['name']

export interface RawRow {
  /** Line of the decompressed text on which the record begins; the header is line 1. */
  readonly line: number
  /** Values as in the file; an empty field may be absent. */
  readonly fields: Readonly<Partial<Record<ColumnName, string>>>
}

export interface FileLimits extends ByteLimits {
  /** Largest field, in characters. */
  readonly field: number
  /** Largest record, in characters without quotes. */
  readonly record: number
  readonly columns: number
}

/** Headers in their documented spelling: a fast path, because most files use it. */
const spelt = new Map<string, ColumnName>(
  columns.flatMap(({ name, vietnamese }) => [name, ...vietnamese].map((header) => [header, name] as const)),
)
const plain = (header: string) =>
  header
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replaceAll(/[_\s]+/g, ' ')
    .trim()
const plainly = new Map([...spelt].map(([header, name]) => [plain(header), name]))
export const columnOf = (header: string): ColumnName | undefined =>
  spelt.get(header) ?? plainly.get(plain(header))

export const at = (line: number, index: number, name?: ColumnName) =>
  `line ${line}, column ${index + 1}${name === undefined ? '' : ` (${name})`}`

const listed = columns.map(({ name, vietnamese }) => `${name} (${vietnamese.join(', ')})`).join(', ')

/**
 * The columns of the file, and how many fields a row may have: a spreadsheet adds columns without header and values at
 * the end.
 */
export interface Header {
  readonly names: readonly ColumnName[]
  readonly width: number
}

export function readHeader(record: readonly string[], line: number): Header {
  let named = record.length
  while (named > 0 && isBlank(record[named - 1]!)) named--
  const cells = record.slice(0, named)
  const seen = new Set<ColumnName>()
  for (const [index, header] of cells.entries()) {
    const name = columnOf(header)
    if (name === undefined) throw invalidFile(`${at(line, index)}: ${unknownHeader(header, cells)}`)
    if (seen.has(name)) throw invalidFile(`${at(line, index, name)}: the column appears twice; remove one`)
    seen.add(name)
  }
  if (!seen.has('account_id'))
    throw invalidFile(
      `line ${line}: the column account_id (Mã tài khoản) is missing; found: ${toldOf(cells)}; known: ${listed}`,
    )
  return { names: [...seen], width: record.length }
}

function unknownHeader(header: string, cells: readonly string[]): string {
  if (isBlank(header)) return `the header is blank; name the column, or delete it; found: ${toldOf(cells)}`
  const [encoding] = rereadings(header).find(([, text]) => columnOf(text) !== undefined) ?? []
  if (encoding !== undefined) return `the header is text in ${encoding}; convert the file to UTF-8`
  return `unknown header; found: ${toldOf(cells)}; known: ${listed}; see docs/integrate.md`
}

/**
 * In a file without headers the first line is personal data. So a header that we do not know is repeated only if it looks
 * like one, beside others that are known or look the same; `?` stands for each other one.
 */
function toldOf(cells: readonly string[]): string {
  const isHeader = cells.some((cell) => columnOf(cell) !== undefined)
  const areNames =
    cells.filter((cell) => cell.includes('_')).length > 1 &&
    cells.every((cell) => /^(?:[a-z_]+|[A-Z_]+)$/.test(cell.trim()))
  const looksLikeHeader = (cell: string) =>
    cell.length <= 40 &&
    (areNames || (isHeader && /^(?:[A-Za-z]+(?:_[A-Za-z]+)*|\p{L}+(?: \p{Ll}+)+)$/u.test(cell.trim())))
  return cells.map((cell) => columnOf(cell) ?? (looksLikeHeader(cell) ? cell.trim() : '?')).join(', ')
}

export const unknownKey = (): string => `unknown key; known: ${listed}; see docs/integrate.md`

/** Whether a record is the header of the file once more, as in the middle of joined files. */
export function isSameHeader(record: readonly string[], { names }: Header): boolean {
  return (
    names.every((name, index) => columnOf(record[index] ?? '') === name) &&
    record.slice(names.length).every(isBlank)
  )
}
/** Whether a record is another header: every value of it is the name of a column. */
export const isOtherHeader = (record: readonly string[]): boolean => {
  const cells = record.filter((cell) => !isBlank(cell))
  return cells.length > 1 && cells.every((cell) => columnOf(cell) !== undefined)
}

export const isBlank = (field: string): boolean =>
  field === '' || !/[^\s\p{Default_Ignorable_Code_Point}]/u.test(field)

/** Number of line breaks in a field. */
export const newlines = (field: string) => field.split(/\r\n|\r|\n/).length - 1

/** A fast check that rules out most fields before `forbidden` is tested. */
const control = /[\p{Cc}\u2028\u2029]/u
const forbidden = /[^\P{Cc}\t\r\n]/u
const lineEnd = /[\u0085\u2028\u2029\v\f]/

/** @returns the fault of the field, independent of its column; undefined when there is none */
export function faultOf(field: string, limits: FileLimits): string | undefined {
  if (field.length > limits.field) return `longer than ${limits.field} characters`
  if (!control.test(field)) return undefined
  if (field.includes('\0')) return 'contains a NUL byte; if the file is UTF-16, save it as UTF-8'
  const [end] = lineEnd.exec(field) ?? []
  if (end !== undefined)
    return `contains the line end U+${end.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}; save the file with the usual line ends`
  return forbidden.test(field) ? 'contains a control character; remove it' : undefined
}
