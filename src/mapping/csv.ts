/**
 * One CSV line (RFC 4180, every cell quoted) that is safe to open. A spreadsheet would run a cell that begins with `=`,
 * `+`, `-`, `@`, tab or CR as a formula, so such cells get an apostrophe in front.
 */
export const csvLine = (cells: readonly (string | number)[]): string => `${cells.map(cell).join(',')}\r\n`

function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return `"${text.replaceAll('"', '""')}"`
}
