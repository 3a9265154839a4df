/** The columns of a portal's file of legacy accounts, its limits, and the checks that apply to every field. */
import { type ByteLimits, invalidFile } from './bytes.ts'

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
    .replaceAll(/[_\s]+/g, ' ')
    .trim()
const plainly = new Map([...spelt].map(([header, name]) => [plain(header), name]))
export const columnOf = (header: string): ColumnName | undefined =>
  spelt.get(header) ?? plainly.get(plain(header))

export const at = (line: number, index: number, name?: ColumnName) =>
  `line ${line}, column ${index + 1}${name === undefined ? '' : ` (${name})`}`

/** Unknown headers are not quoted in errors: in a file without headers the first line is personal data. */
export function readHeader(record: readonly string[], line: number): ColumnName[] {
  const seen = new Set<ColumnName>()
  for (const [index, header] of record.entries()) {
    const name = columnOf(header)
    if (name === undefined)
      throw invalidFile(`${at(line, index)}: unknown header; see docs/integrate.md for the columns`)
    if (seen.has(name)) throw invalidFile(`${at(line, index, name)}: the column appears twice; remove one`)
    seen.add(name)
  }
  if (!seen.has('account_id'))
    throw invalidFile(`line ${line}: the column account_id (Mã tài khoản) is missing`)
  return [...seen]
}

/** Number of line breaks in a field. */
export const newlines = (field: string) => field.split('\n').length - 1

/** A fast check that rules out most fields before `forbidden` is tested. */
const control = /\p{Cc}/u
const forbidden = /[^\P{Cc}\t\r\n]/u

/** @returns the fault of the field, independent of its column; undefined when there is none */
export function faultOf(field: string, limits: FileLimits): string | undefined {
  if (field.length > limits.field) return `longer than ${limits.field} characters`
  if (!control.test(field)) return undefined
  if (field.includes('\0')) return 'contains a NUL byte; if the file is UTF-16, save it as UTF-8'
  return forbidden.test(field) ? 'contains a control character; remove it' : undefined
}
