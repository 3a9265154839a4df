/** Files as offices send them: read as what they plainly are, or refused with a sentence that names the place. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { outcome, plain, row } from '../support/imports/legacy-file.ts'

const an = { account_id: 'an', citizen_id: '001085999901', name: 'Nguyễn Văn An' }
const binh = { account_id: 'binh', citizen_id: '079190999902', name: 'Trần Thị Bình' }
const header = 'account_id,citizen_id,name'
const rows = plain.slice(header.length + 1)
const chunks = [1, 2, 3, 7, 64, 65_536]

describe('a file is read as what it plainly is', () => {
  test.each<[string, string | Buffer, readonly [number, number]]>([
    ['with the line ends of an old Mac', plain.replaceAll('\n', '\r'), [2, 3]],
    ['with mixed line ends', `${header}\r${rows.replace('\n', '\r\n')}`, [2, 3]],
    ['with a separator line', `sep=;\n${plain.replaceAll(',', ';')}`, [3, 4]],
    ['with a separator line, a mark and CRLF', `\ufeffSEP=,\r\n${plain.replaceAll('\n', '\r\n')}`, [3, 4]],
    ['with a separator line in quotes', `"sep=;"\n${plain.replaceAll(',', ';')}`, [3, 4]],
    ['with a separator line for tabs', `sep=\t\n${plain.replaceAll(',', '\t')}`, [3, 4]],
    [
      'with a separator line that differs from what the header suggests',
      `sep=|\n${plain.replaceAll(',', '|')}`,
      [3, 4],
    ],
    ['with vertical bars', plain.replaceAll(',', '|'), [2, 3]],
    ['with rows of separators only', `${header}\n,,\n${rows}," ",\n,,\n`, [3, 4]],
    ['with rows of separators before the header', `,,\n${plain}`, [3, 4]],
    [
      'with its header again between joined files',
      `${header}\n${rows.replace('\n', `\n${header}\n`)}`,
      [2, 4],
    ],
    [
      'with its header again, with a mark and in other letters',
      plain.replace('\nbinh', '\n\ufeffACCOUNT ID,Số CCCD,Họ tên\nbinh'),
      [2, 4],
    ],
    ['with blank columns at the end', plain.replaceAll('\n', ',,,\n'), [2, 3]],
    [
      'with invisible characters in the header',
      plain.replace('account_id', '\u200baccount\u200e_id'),
      [2, 3],
    ],
  ])('%s', async (_what, content, [first, second]) => {
    for (const chunk of chunks)
      expect(await outcome(content, { chunk })).toEqual([row(first, an), row(second, binh)])
  })

  test('JSON lines with the line ends of an old Mac', async () => {
    const lines = [an, binh].map((one) => JSON.stringify(one))
    for (const chunk of chunks) {
      expect(await outcome(lines.join('\r'), { chunk })).toEqual([row(1, an), row(2, binh)])
      expect(await outcome(`${lines.join('\r\n')}\r\n`, { chunk })).toEqual([row(1, an), row(2, binh)])
    }
  })
})

const latin = (text: string) => Buffer.from(text, 'latin1')
const utf16 = (text: string) => Buffer.from(text, 'utf16le')
const here = 'line 1, column 1'
const inBytes = `${here} in bytes`

describe('a file is refused by a sentence of its own', () => {
  test.each<[what: string, content: string | Buffer, sentence: string | RegExp]>([
    [
      'an Excel workbook',
      latin('PK\x03\x04\x14\0\x06\0'),
      `${inBytes}: the file is a workbook or a zip archive; save it as CSV in UTF-8`,
    ],
    [
      'an empty zip archive',
      latin('PK\x05\x06'),
      `${inBytes}: the file is a workbook or a zip archive; save it as CSV in UTF-8`,
    ],
    [
      'an old Excel workbook',
      latin('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
      `${inBytes}: the file is a workbook; save it as CSV in UTF-8`,
    ],
    [
      'a workbook in gzip',
      gzipSync(latin('PK\x03\x04whatever')),
      `${inBytes}: the file is a workbook or a zip archive; save it as CSV in UTF-8`,
    ],
    [
      'a file that is compressed twice',
      gzipSync(gzipSync(plain)),
      `${inBytes}: the file is compressed twice; compress it once`,
    ],
    [
      'a PDF document',
      latin('%PDF-1.7\n%\xe2\xe3'),
      `${inBytes}: the file is a PDF document; export the data as CSV in UTF-8`,
    ],
    [
      'an RTF document',
      latin('{\\rtf1\\ansi'),
      `${inBytes}: the file is an RTF document; export the data as CSV in UTF-8`,
    ],
    [
      'a 7-Zip archive',
      latin("7z\xbc\xaf'\x1c\0\x04"),
      `${inBytes}: the file is compressed with 7-Zip; compress it with gzip, or send it plain`,
    ],
    [
      'a file compressed with xz',
      latin('\xfd7zXZ\0\0'),
      `${inBytes}: the file is compressed with xz; compress it with gzip, or send it plain`,
    ],
    [
      'a tar archive',
      Buffer.concat([Buffer.alloc(257, 'a'), latin('ustar\0')]),
      `${inBytes}: the file is a tar archive; send the CSV file in it`,
    ],
    [
      'a database of SQLite',
      latin('SQLite format 3\0\x10'),
      `${inBytes}: the file is a database; export the table as CSV in UTF-8`,
    ],
    [
      'a table of FoxPro',
      latin('\x03\x1a\x0b\x15\x02\0\0\0\xc1\0'),
      `${inBytes}: the file is a database; export the table as CSV in UTF-8`,
    ],
    ['UTF-16', utf16(`\ufeff${plain}`), `${inBytes}: the file is UTF-16; save it as UTF-8`],
    ['UTF-16 without its mark', utf16(plain), `${inBytes}: the file is UTF-16; save it as UTF-8`],
    [
      'UTF-16 without its mark, the other way',
      utf16(plain).swap16(),
      `${inBytes}: the file is UTF-16; save it as UTF-8`,
    ],
    [
      'UTF-32',
      Buffer.concat(
        Array.from(plain, (letter) =>
          Buffer.from([letter.codePointAt(0)! & 255, letter.codePointAt(0)! >> 8, 0, 0]),
        ),
      ),
      `${inBytes}: the file is UTF-32; save it as UTF-8`,
    ],
    [
      'an HTML page',
      '\n <table><tr><td>account_id',
      'line 2, column 1: the file is an HTML page; save it as CSV in UTF-8',
    ],
    [
      'an XML spreadsheet',
      '\ufeff<?xml version="1.0"?>',
      `${here}: the file is XML; save it as CSV in UTF-8`,
    ],
    [
      'a JSON array',
      '[{"account_id":"an"}]',
      `${here}: the file is a JSON array; write each object on a line of its own`,
    ],
    [
      'a JSON object over several lines',
      '{\n  "account_id": "an"\n}\n',
      'line 1: the object continues on the next line; write each object on a line of its own',
    ],
    [
      'an SQL script',
      "INSERT INTO account VALUES ('an');",
      `${here}: the file is an SQL script; export the table as CSV in UTF-8`,
    ],
    [
      'a separator that is not supported',
      'sep=^\naccount_id^name\n',
      `${here}: the separator is none of comma, semicolon, tab and |`,
    ],
    [
      'NEL as line end',
      'account_id,name\u0085an,An\u0085',
      `line 1, column 2: contains the line end U+0085; save the file with the usual line ends`,
    ],
    [
      'U+2028 as line end',
      'account_id,name\u2028an,An\u2028',
      `line 1, column 2: contains the line end U+2028; save the file with the usual line ends`,
    ],
    [
      'a form feed',
      'account_id,name\nan,An\f\n',
      'line 2, column 2 (name): contains the line end U+000C; save the file with the usual line ends',
    ],
    [
      'a blank header within',
      'account_id,,name\nan,,An\n',
      'line 1, column 2: the header is blank; name the column, or delete it; found: account_id, ?, name',
    ],
    [
      'a value without a header',
      'account_id;name;;\nan;An;;\nbinh;Bình;;x\n',
      'line 3, column 4: a value in a column without a header; name the column, or delete it',
    ],
    [
      'a row beyond the blank columns',
      'account_id;name;\nan;An;;\n',
      'line 2, column 4: the row has more columns than the header',
    ],
    [
      'another header between joined files',
      'account_id,name\nan,An\nname,account_id\nBình,binh\n',
      'line 3, column 1: a header of other columns, as in joined files; import each file by itself',
    ],
    [
      'a formula for text',
      'account_id,citizen_id\nan,="001085999901"\n',
      'line 2, column 2 (citizen_id): a formula of a spreadsheet (="…"); export its value',
    ],
    [
      'a fault after line ends of an old Mac',
      'account_id,name\ran,An\rbinh,"b"x\r',
      'line 3, column 2 (name): text after the closing quote; double each quote within a field',
    ],
    [
      'bytes after line ends of an old Mac',
      Buffer.concat([latin('account_id\ran\r'), Buffer.from([0xff])]),
      'line 3, column 1 in bytes: not UTF-8; save the file as UTF-8 and import it again',
    ],
  ])('%s', async (_what, content, sentence) => {
    for (const chunk of chunks) expect(await outcome(content, { chunk })).toEqual(sentence)
  })
})

describe('a file in an encoding from before Unicode is refused by the name of the encoding:', () => {
  const inEncoding: Record<string, string> = {
    'TCVN3 (ABC)': 'an,NguyÔn ThÞ Hoa\nbinh,TrÇn V¨n B×nh\n',
    VNI: 'an,Nguyeãn Thò Hoa\nbinh,Traàn Vaên Bình\n',
    VISCII: 'an,Nguy­n Th¸ Hoa\nbinh,Tr¥n Vån Bình\n',
    'windows-1258': 'an,NguyêÞn Thiò Hoa\nbinh,TrâÌn Vãn BiÌnh\n',
  }
  test.each(Object.entries(inEncoding))('%s', async (encoding, text) => {
    for (const chunk of chunks)
      expect(await outcome(latin(`account_id,name\n${text}`), { chunk })).toMatch(
        new RegExp(
          `^line 2, column \\d+ in bytes: not UTF-8 but probably ${encoding.replaceAll(/[()]/g, '\\$&')}; save the file as UTF-8`,
        ),
      )
  })

  test.each([
    ['TCVN3 (ABC)', 'M· tµi kho¶n'],
    ['VNI', 'Maõ taøi khoaûn'],
    ['UTF-8 read as windows-1252', 'MÃ£ tÃ\u00a0i khoáº£n'],
  ])('%s in the header, saved as UTF-8', async (encoding, first) => {
    expect(await outcome(`${first},name\nan,An\n`)).toBe(
      `line 1, column 1: the header is text in ${encoding}; convert the file to UTF-8`,
    )
  })
})

describe('a header that is not known is reported with what was found and what is known', () => {
  test.each([
    ['account_id,ma_ho_so,name', 2, 'account_id, ma_ho_so, name'],
    ['Mã tài khoản;Số căn cước;Họ tên', 2, 'account_id, Số căn cước, name'],
    ['ma_tk;so_cccd;ho_ten', 1, 'ma_tk, so_cccd, ho_ten'],
  ])('%s', async (first, column, found) => {
    const told = await outcome(`${first}\n`)
    expect(told).toContain(
      `line 1, column ${column}: unknown header; found: ${found}; known: account_id (Mã tài`,
    )
    expect(told).toContain('citizen_id (Số định danh cá nhân, Số CCCD)')
  })

  test.each(['hoa.nt,Nguyễn Thị Hoa,001185999902', 'nguyenvanan,Nguyễn Văn An,', 'an,An'])(
    'and a first line that is an account is not repeated: %s',
    async (first) => {
      expect(await outcome(`${first}\n`)).toMatch(/unknown header; found: \?(?:, \?)*; known: /)
    },
  )
})
