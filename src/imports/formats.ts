/** Files of another format that are sent under the name of a CSV file, by their first bytes or their first line. */

const workbook = 'the file is a workbook; save it as CSV in UTF-8'
const archive = 'the file is a workbook or a zip archive; save it as CSV in UTF-8'
const utf16 = 'the file is UTF-16; save it as UTF-8'
const utf32 = 'the file is UTF-32; save it as UTF-8'
const packed = (how: string) => `the file is compressed with ${how}; compress it with gzip, or send it plain`
const database = 'the file is a database; export the table as CSV in UTF-8'
const image = 'the file is an image; export the data as CSV in UTF-8'

/** Latin-1. The longer of two that begin alike stands first. */
const magics: readonly (readonly [start: string, sentence: string])[] = [
  ['\xff\xfe\0\0', utf32],
  ['\0\0\xfe\xff', utf32],
  ['\xff\xfe', utf16],
  ['\xfe\xff', utf16],
  ['PK\x03\x04', archive],
  ['PK\x05\x06', archive],
  ['PK\x07\x08', archive],
  ['\xd0\xcf\x11\xe0', workbook],
  ['\x09\x08\x10\0', workbook],
  ['\x09\x08\x08\0', workbook],
  ['\x09\x04\x06\0', workbook],
  ['\x09\x02\x06\0', workbook],
  ['%PDF-', 'the file is a PDF document; export the data as CSV in UTF-8'],
  ['{\\rtf', 'the file is an RTF document; export the data as CSV in UTF-8'],
  ['BZh', packed('bzip2')],
  ['\xfd7zXZ\0', packed('xz')],
  ['(\xb5/\xfd', packed('zstd')],
  ["7z\xbc\xaf'\x1c", packed('7-Zip')],
  ['Rar!\x1a', packed('RAR')],
  ['\x1f\x9d', packed('compress')],
  ['SQLite format 3\0', database],
  ['\0\x01\0\0Standard ', database],
  ['PGDMP', database],
  ['PAR1', 'the file is in Parquet; export it as CSV in UTF-8'],
  ['\x89PNG', image],
  ['\xff\xd8\xff', image],
  ['GIF8', image],
]

/** Bytes from the beginning that `formatOfBytes` needs, if the file has so many. */
export const headSize = 512

/** @returns what the file is, and what to do; undefined if it may be text */
export function formatOfBytes(head: Buffer): string | undefined {
  const text = head.toString('latin1')
  const known = magics.find(([start]) => text.startsWith(start))
  if (known !== undefined) return known[1]
  if (text.startsWith('ustar', 257)) return 'the file is a tar archive; send the CSV file in it'
  return isDbf(head) ? database : wideText(head)
}

/** UTF-16 or UTF-32 without a byte order mark: the letters of the header have zeros beside them. */
function wideText(head: Buffer): string | undefined {
  const zeros = [0, 0, 0, 0]
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 4]! += 1
  const isMost = (count: number) => count > 0 && count >= head.length / 10
  const [a, b, c, d] = zeros.map(isMost)
  if ((a && b && c && !d) || (!a && b && c && d)) return utf32
  return (a && c && !b && !d) || (b && d && !a && !c) ? utf16 : undefined
}

/** dBase and FoxPro: a version, the day of the last change, and the number of rows. */
function isDbf(head: Buffer): boolean {
  const [version = 0, , month = 0, day = 0] = head
  const versions = [0x03, 0x30, 0x31, 0x32, 0x43, 0x83, 0x8b, 0xf5]
  return versions.includes(version) && month >= 1 && month <= 12 && day >= 1 && day <= 31 && head.includes(0)
}

const lines: readonly (readonly [start: RegExp, sentence: string])[] = [
  [/^<\?xml/i, 'the file is XML; save it as CSV in UTF-8'],
  [
    /^<(?:!doctype html|html|head|body|table|meta|div|!--)/i,
    'the file is an HTML page; save it as CSV in UTF-8',
  ],
  [/^</, 'the file is XML or HTML; save it as CSV in UTF-8'],
  [/^\[/, 'the file is a JSON array; write each object on a line of its own'],
  [/^MIME-Version:/i, 'the file is a web archive; save it as CSV in UTF-8'],
  [
    /^(?:--|\/\*|(?:insert into|create table|copy|set|begin|use|drop table)\s)/i,
    'the file is an SQL script; export the table as CSV in UTF-8',
  ],
]

/** @param line the first line that is not blank */
export const formatOfText = (line: string): string | undefined =>
  lines.find(([start]) => start.test(line))?.[1]
