/** What a portal's file of legacy accounts may hold: its columns, its limits, and what no field of it may be. */
import { type ByteLimits, invalidFile } from './bytes.ts'

/** The columns that a file may have, by their English or any of their Vietnamese headers. */
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
  /** Physical line of the unpacked text on which the record begins; the header's is 1. */
  readonly line: number
  /** As they stand in the file; an empty one may be absent. */
  readonly fields: Readonly<Partial<Record<ColumnName, string>>>
}

export interface FileLimits extends ByteLimits {
  /** Characters of one field. */
  readonly field: number
  /** Characters of one record, its quotes not counted. */
  readonly record: number
  readonly columns: number
}

/** Spelt exactly as documented, as nearly all are. */
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

/** Headers are not quoted either: a file without them begins with a person. */
export function readHeader(record: readonly string[], line: number): ColumnName[] {
  const seen = new Set<ColumnName>()
  for (const [index, header] of record.entries()) {
    const name = columnOf(header)
    if (name === undefined) throw invalidFile(`${at(line, index)}: its header is none of the known ones`)
    if (seen.has(name)) throw invalidFile(`${at(line, index, name)}: is there twice`)
    seen.add(name)
  }
  if (!seen.has('account_id')) throw invalidFile(`line ${line}: no column account_id (Mã tài khoản)`)
  return [...seen]
}

/** How many lines further a field ends than it begins. */
export const newlines = (field: string) => field.split('\n').length - 1

/** Nearly all fields pass the first and need not meet the second. */
const control = /\p{Cc}/u
const forbidden = /[^\P{Cc}\t\r\n]/u

/** @returns what no field may be, whatever its column */
export function faultOf(field: string, limits: FileLimits): string | undefined {
  if (field.length > limits.field) return `longer than ${limits.field} characters`
  if (!control.test(field)) return undefined
  if (field.includes('\0')) return 'a NUL byte; if the file is UTF-16, save it as UTF-8'
  return forbidden.test(field) ? 'a control character' : undefined
}
