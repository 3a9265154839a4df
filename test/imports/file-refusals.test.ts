/** A portal's file is refused at its first fault. The message gives its place and kind, and no personal data. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import { columns, readLegacyFile } from '../../src/imports/file.ts'
import { bytesOf, inChunks, outcome, plain, rowsOf } from '../support/imports/legacy-file.ts'

const utf16 = (text: string) => Buffer.from(text, 'utf16le')
const packed = gzipSync(plain.repeat(50))
const broken = Buffer.from(packed)
broken.fill(0x55, 30, 60)
const head = 'account_id,name\n'
const known = columns.map(({ name, vietnamese }) => `${name} (${vietnamese.join(', ')})`).join(', ')
const faults: [what: string, content: string | Buffer, detail: string][] = [
  ['an empty file', '', 'line 1: the file is empty'],
  ['a file of blanks', '\ufeff \n\n ', 'line 1: the file is empty'],
  ['an empty file, packed', gzipSync(''), 'line 1: the file is empty'],
  [
    'an unknown header',
    'account_id,Nguyễn Văn An\n',
    `line 1, column 2: unknown header; found: account_id, ?; known: ${known}; see docs/integrate.md`,
  ],
  [
    'an empty header',
    'account_id,,name\n',
    'line 1, column 2: the header is blank; name the column, or delete it; found: account_id, ?, name',
  ],
  [
    'the same header again',
    'account_id,name,NAME\n',
    'line 1, column 3 (name): the column appears twice; remove one',
  ],
  [
    'two headers of one column',
    'account_id,Họ tên,Họ và tên\n',
    'line 1, column 3 (name): the column appears twice; remove one',
  ],
  [
    'no account id column',
    'name\nx\n',
    `line 1: the column account_id (Mã tài khoản) is missing; found: name; known: ${known}`,
  ],
  ['a row too short', `${head}a,b\nc\n`, 'line 3, column 1: the row has too few columns; the header has 2'],
  ['a row too long', `${head}a,b\nc,d,e\n`, 'line 3, column 3: the row has more columns than the header'],
  ['2,000 columns', `account_id${',name'.repeat(1999)}\n`, 'line 1, column 65: more than 64 columns'],
  [
    '2,000 fields',
    `${head}a${','.repeat(1999)}\n`,
    'line 2, column 3: the row has more columns than the header',
  ],
  [
    'a quote never closed',
    `${head}a,b\nc,"d\ne,f\n`,
    'line 3, column 2 (name): the opening quote has no closing quote',
  ],
  [
    'one that opens below a break in the same row',
    `name,account_id\n"x\ny","d\ne,f\n`,
    'line 3, column 2 (account_id): the opening quote has no closing quote',
  ],
  [
    'text after a closing quote',
    `${head}a,"b" c\n`,
    'line 2, column 2 (name): text after the closing quote; double each quote within a field',
  ],
  [
    'a quote amid a field',
    `${head}a,b "c"\n`,
    'line 2, column 2 (name): a quote within an unquoted field; quote the whole field',
  ],
  [
    'a NUL byte',
    `${head}a,b\0c\n`,
    'line 2, column 2 (name): contains a NUL byte; if the file is UTF-16, save it as UTF-8',
  ],
  [
    'a NUL byte after a quote',
    `${head}"a"\0,b\n`,
    'line 2, column 1 (account_id): contains a NUL byte; if the file is UTF-16, save it as UTF-8',
  ],
  [
    'a control character',
    `${head}a,b\u001bc\n`,
    'line 2, column 2 (name): contains a control character; remove it',
  ],
  [
    'a control character of C1',
    `${head}a,b\u0086c\n`,
    'line 2, column 2 (name): contains a control character; remove it',
  ],
  [
    'a fault below a line break',
    `name,account_id\n"x\r\ny",b\u0007\n`,
    'line 3, column 2 (account_id): contains a control character; remove it',
  ],
  [
    'a field over 4 KB',
    `${head}a,${'b'.repeat(4097)}\n`,
    'line 2, column 2 (name): longer than 4096 characters',
  ],
  [
    'windows-1258',
    Buffer.concat([Buffer.from(`${head}a,b\nc,Nguy`), Buffer.from([0xea, 0x6e]), Buffer.from('\n')]),
    'line 3, column 7 in bytes: not UTF-8 but probably windows-1252; save the file as UTF-8 and import it again',
  ],
  [
    'a character cut off',
    Buffer.from(`${head}a,Hò`).subarray(0, -1),
    'line 2, column 4 in bytes: not UTF-8; save the file as UTF-8 and import it again',
  ],
  [
    'an overlong form',
    Buffer.concat([Buffer.from(`${head}\ufffd,`), Buffer.from([0xc0, 0xaf])]),
    'line 2, column 5 in bytes: not UTF-8; save the file as UTF-8 and import it again',
  ],
  [
    'a surrogate in UTF-8',
    Buffer.concat([Buffer.from(head), Buffer.from([0xed, 0xa0, 0x80])]),
    'line 2, column 1 in bytes: not UTF-8; save the file as UTF-8 and import it again',
  ],
  ['UTF-16', utf16(`\ufeff${plain}`), 'line 1, column 1 in bytes: the file is UTF-16; save it as UTF-8'],
  [
    'UTF-16, the other way',
    utf16(`\ufeff${plain}`).swap16(),
    'line 1, column 1 in bytes: the file is UTF-16; save it as UTF-8',
  ],
  [
    'UTF-16 without its mark',
    utf16('account_id\nx\n'),
    'line 1, column 1 in bytes: the file is UTF-16; save it as UTF-8',
  ],
  [
    'a workbook',
    Buffer.from('PK\u0003\u0004whatever'),
    'line 1, column 1 in bytes: the file is a workbook or a zip archive; save it as CSV in UTF-8',
  ],
  [
    'gzip in gzip',
    gzipSync(packed),
    'line 1, column 1 in bytes: the file is compressed twice; compress it once',
  ],
  [
    'gzip cut off',
    packed.subarray(0, -20),
    'line N, column N in bytes: the gzip data is truncated; send the whole file',
  ],
  [
    'gzip cut off in its header',
    packed.subarray(0, 5),
    'line N, column N in bytes: the gzip data is truncated; send the whole file',
  ],
  [
    'gzip with a wrong checksum',
    Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]),
    'line N, column N in bytes: the gzip data is corrupt; compress the file again',
  ],
  [
    'gzip damaged amid',
    broken,
    'line N, column N in bytes: the gzip data is corrupt; compress the file again',
  ],
  [
    'text after gzip',
    Buffer.concat([packed, Buffer.from('more')]),
    'line N, column N in bytes: the gzip data is corrupt; compress the file again',
  ],
  ['JSON that is none', '{"account_id":"a"}\n{"account_id":Bình}\n', 'line 2: not a JSON object'],
  ['a JSON array', '{"account_id":"a"}\n["Bình"]\n', 'line 2: not a JSON object'],
  ['two objects on a line', '{"account_id":"a"}{"account_id":"b"}\n', 'line 1: not a JSON object'],
  [
    'a number for a string',
    '{"account_id":"a","citizen_id":1085999901}',
    'line 1, column 2 (citizen_id): must be a string, because a number loses its leading zeros',
  ],
  [
    'an object for a string',
    '{"account_id":{"name":"x"}}',
    'line 1, column 1 (account_id): must be a string, because a number loses its leading zeros',
  ],
  [
    'an unknown key',
    '{"account_id":"a","Bình":"x"}',
    `line 1, column 2: unknown key; known: ${known}; see docs/integrate.md`,
  ],
  [
    'a key of the language',
    '{"account_id":"a","__proto__":"x"}',
    `line 1, column 2: unknown key; known: ${known}; see docs/integrate.md`,
  ],
  [
    'a column under two keys',
    '{"account_id":"a","Tài khoản":"b"}',
    'line 1, column 2 (account_id): the column appears twice; remove one',
  ],
  ['a key twice', '{"account_id":"a","name":"x: \\"","name":"y"}', 'line 1: a key appears twice; remove one'],
  [
    'a NUL in JSON',
    '{"account_id":"a\\u0000"}',
    'line 1, column 1 (account_id): contains a NUL byte; if the file is UTF-16, save it as UTF-8',
  ],
  [
    'a long field in JSON',
    JSON.stringify({ account_id: 'a'.repeat(5000) }),
    'line 1, column 1 (account_id): longer than 4096 characters',
  ],
]

describe('a file is refused, by line and column, for', () => {
  test.each(faults)('%s', async (_, content, detail) => {
    for (const chunk of [1, 3, 1000, 65_536]) {
      const told = (await outcome(content, { chunk })) as string
      // The position at which unpacking detects bad bytes depends on the chunks.
      const [, place, rest] = /^(line \d+, column \d+)( in bytes: the gzip .*)$/.exec(told) ?? []
      expect(place === undefined ? told : `line N, column N${rest}`).toBe(detail)
    }
  })
})

test('the first fault is reported, however the file is split into chunks', async () => {
  const late = Buffer.from([0xff])
  for (const [, content, detail] of faults.slice(3, 21)) {
    const file = Buffer.concat([bytesOf(content), Buffer.from('\nmore,'), late])
    const first = detail.includes('no closing quote') ? /not UTF-8/ : detail
    for (const chunk of [1, 65_536]) expect(await outcome(file, { chunk })).toMatch(first)
  }
})

test('no refusal quotes the file, not even its header or a key', async () => {
  const secret = /Nguy|Bình|1085999901|whatever/
  for (const [, content] of faults) {
    const error: unknown = await rowsOf(inChunks(bytesOf(content), 64)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BrokerError)
    const { message, cause, stack } = error as BrokerError
    expect(`${message} ${String(cause)} ${stack}`).not.toMatch(secret)
  }
})

describe('endless input is refused early:', () => {
  const endless = async (start: string, filler: string, total = 10_000_000) => {
    let pulled = 0
    async function* source() {
      yield Buffer.from(start)
      const chunk = Buffer.from(filler.repeat(Math.ceil(16_384 / filler.length)))
      for (; pulled < total; pulled += chunk.length) yield chunk
    }
    const detail = await rowsOf(source()).catch((error: BrokerError) => error.detail)
    return { detail, pulled }
  }
  test.each([
    ['a field of 10 MB', `${head}a,`, 'x', 'line 2, column 2 (name): longer than 4096 characters'],
    [
      'a field of 10 MB in quotes',
      `${head}a,"`,
      'x\n',
      'line 2, column 2 (name): longer than 4096 characters; check that the opening quote is closed',
    ],
    [
      'a row of ten million fields',
      `${head}a`,
      ',',
      'line 2, column 3: the row has more columns than the header',
    ],
    ['a header of ten million fields', 'account_id', ',', 'line 1: no header within 65536 characters'],
    [
      'a header of 10 MB in quotes',
      '"account_id',
      '\nx',
      'line 1, column 1: longer than 4096 characters; check that the opening quote is closed',
    ],
    ['10 MB of blanks', '', ' ', 'line 1: no header within 65536 characters'],
    ['a JSON line of 10 MB', '{"account_id":"', 'x', 'line 1: longer than 65536 characters'],
  ])('%s', async (_, start, filler, expected) => {
    const { detail, pulled } = await endless(start, filler)
    expect(detail).toBe(expected)
    expect(pulled).toBeLessThan(200_000)
  })

  test('a record over 64 KB of fields that are each short enough', async () => {
    const names = columns.map(({ name }) => name)
    const file = `${names.join(',')}\n${names.map(() => 'x'.repeat(4000)).join(',')}\n`
    expect(await outcome(file)).toBe('line 2, column 17 (phone): the record is longer than 65536 characters')
  })

  test('gzip that unpacks to more than two hundred times its size', async () => {
    const bomb = gzipSync(`account_id\n${`${'an'.repeat(500)}\n`.repeat(50_000)}`)
    let seen = 0
    const reading = (async () => {
      for await (const batch of readLegacyFile(inChunks(bomb, 4096))) seen += batch.length
    })()
    await expect(reading).rejects.toMatchObject({
      detail: expect.stringMatching(
        /^line \d+, column \d+ in bytes: the gzip data decompresses to more than 200 times its size$/,
      ),
    })
    expect(seen).toBeLessThan(10_000)
  })

  test('more bytes than the limit, compressed or not', async () => {
    const limits = { bytes: 100 }
    const long = head + 'a,b\n'.repeat(50)
    for (const file of [long, gzipSync(long)])
      expect(await outcome(file, { limits })).toMatch(
        /^line \d+, column \d+ in bytes: larger than 100 bytes when decompressed; split the file$/,
      )
    expect(await outcome(head, { limits })).toEqual([])
  })
})
