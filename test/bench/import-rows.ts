/** A typical file of a portal: twelve columns, with made-up people. */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

const header =
  'account_id,citizen_id,cmnd,name,birth_date,sex,attested_at,created_by,last_used_at,province,email,phone\n'
const [families, middles, given] = [
  ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Hoàng', 'Huỳnh', 'Phan', 'Vũ', 'Võ', 'Đặng', 'Bùi', 'Đỗ'],
  ['Văn', 'Thị', 'Minh', 'Ngọc', 'Đức', 'Thanh', 'Hữu', 'Kim'],
  ['An', 'Bình', 'Chi', 'Dũng', 'Giang', 'Hòa', 'Khôi', 'Lan', 'Nam', 'Phúc', 'Quỳnh', 'Sơn', 'Trang', 'Yến'],
] as const
const provinces = ['01', '31', '48', '79', '92', '66', '24', '38']
const prefixes = ['001', '031', '048', '079', '092', '066', '024', '038']
const two = (value: number) => String(value).padStart(2, '0')
const of = <T>(values: readonly T[], index: number) => values[index % values.length]!

/** Most rows have an attested number, some only a CMND, some no number, and a few share a number. */
function rowOf(index: number): string {
  const woman = index % 2
  const year = 1940 + (index % 60)
  const bearer = index % 500 === 499 ? index - 1 : index
  const number = `${of(prefixes, bearer)}${bearer % 2}${two((1940 + (bearer % 60)) % 100)}${String(bearer % 1_000_000).padStart(6, '0')}`
  const has = index % 20 < 17
  const birth = `${two(1 + (index % 28))}/${two(1 + (index % 12))}/${year}`
  const cells = [
    `tk${String(index).padStart(8, '0')}`,
    has ? number : '',
    index % 20 === 18 || index % 7 === 0 ? String(100_000_000 + (index % 800_000_000)) : '',
    `${of(families, index)} ${of(middles, index * 7)} ${of(given, index * 3)}`,
    birth,
    woman === 1 ? 'nữ' : 'nam',
    has && index % 4 !== 0 ? `2024-${two(1 + (index % 12))}-${two(1 + (index % 28))}` : '',
    index % 30 === 0 ? 'officer' : 'self',
    `2025-${two(1 + (index % 12))}-${two(1 + (index % 28))}T08:${two(index % 60)}:00+07:00`,
    of(provinces, index),
    `nguoi.dan.${index}@mail${index % 5}.vn`,
    `09${String(10_000_000 + (index % 80_000_000))}`,
  ]
  return cells.join(',')
}

export async function writeRows(file: string, rows: number): Promise<void> {
  const out = createWriteStream(file)
  out.write(header)
  for (let index = 0; index < rows;) {
    const lines: string[] = []
    for (const end = Math.min(rows, index + 5_000); index < end; index++) lines.push(rowOf(index))
    if (!out.write(`${lines.join('\n')}\n`)) await new Promise<void>((resolve) => out.once('drain', resolve))
  }
  out.end()
  await finished(out)
}
