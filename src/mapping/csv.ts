/**
 * CSV that is safe to open (RFC 4180, every cell quoted): a spreadsheet takes a cell that begins with one of these
 * for a formula, so it gets an apostrophe before it.
 */
export const csvLine = (cells: readonly (string | number)[]): string => `${cells.map(cell).join(',')}\r\n`

function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return `"${text.replaceAll('"', '""')}"`
}
