/** The reader returns what a portal's file contains, however the file is compressed, quoted or split into chunks. */
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import { type RawRow, columns, readLegacyFile } from '../../src/imports/file.ts'
import { outcome, plain, row, rowsOf } from '../support/imports/legacy-file.ts'
import { search } from '../support/random-search.ts'

const an = { account_id: 'an', citizen_id: '001085999901', name: 'Nguyễn Văn An' }
const binh = { account_id: 'binh', citizen_id: '079190999902', name: 'Trần Thị Bình' }
const both = [row(2, an), row(3, binh)]
describe('a file is read the same', () => {
  const ndjson = `${JSON.stringify(an)}\n${JSON.stringify(binh)}\n`
  test.each<[string, string | Buffer, RawRow[]]>([
    ['with commas', plain, both],
    ['with semicolons', plain.replaceAll(',', ';'), both],
    ['with tabs', plain.replaceAll(',', '\t'), both],
    ['with CRLF', plain.replaceAll('\n', '\r\n'), both],
    ['with a byte order mark', `\ufeff${plain}`, both],
    ['with a byte order mark before a quote', `\ufeff${plain.replace('account_id', '"account_id"')}`, both],
    ['without a last line break', plain.trimEnd(), both],
    ['all in quotes', plain.replaceAll(/[^,\n]+/g, '"$&"'), both],
    ['with Vietnamese headers', plain.replace(/.*/, 'Mã tài khoản,Số CCCD,Họ và tên'), both],
    ['with decomposed headers', plain.replace(/.*/, 'Mã tài khoản,Số CCCD,Họ tên'.normalize('NFD')), both],
    [
      'with headers in any case and spacing',
      plain.replace(/.*/, ' ACCOUNT ID,Citizen_ID , HỌ  VÀ TÊN'),
      both,
    ],
    ['packed with gzip', gzipSync(plain), both],
    ['packed in two parts', Buffer.concat([gzipSync(plain.slice(0, 40)), gzipSync(plain.slice(40))]), both],
    ['as JSON lines', ndjson, [row(1, an), row(2, binh)]],
    [
      'as JSON lines with CRLF, mark and gzip',
      gzipSync(`\ufeff${ndjson.replaceAll('\n', '\r\n')}`),
      [row(1, an), row(2, binh)],
    ],
    [
      'as JSON lines with Vietnamese keys',
      ndjson.replaceAll('account_id', 'Mã tài khoản'),
      [row(1, an), row(2, binh)],
    ],
  ])('%s', async (_, content, expected) => {
    for (const chunk of [1, 2, 3, 7, 64, 65_536]) expect(await outcome(content, { chunk })).toEqual(expected)
  })
})

test('a long line that arrives in small pieces is searched once, not again for each piece', async () => {
  const lines = [an, { ...binh, other_id: 'x'.repeat(4000) }].map((one) => JSON.stringify(one))
  const file = `${lines.join('\r\n')}\r\n`
  const split = vi.spyOn(String.prototype, 'split')
  try {
    expect(await outcome(file, { chunk: 1 })).toHaveLength(2)
    const searched = split.mock.contexts.reduce<number>((sum, one) => sum + String(one).length, 0)
    expect(searched).toBeLessThan(4 * file.length)
  } finally {
    split.mockRestore()
  }
})

test('every documented header is understood, and no two columns share one', async () => {
  for (const { name, vietnamese } of columns) {
    for (const header of [name, name.toUpperCase(), ...vietnamese]) {
      const file = name === 'account_id' ? `${header}\nx` : `account_id,${header}\na,x`
      expect(await outcome(file)).toEqual([
        row(2, name === 'account_id' ? { account_id: 'x' } : { account_id: 'a', [name]: 'x' }),
      ])
    }
  }
})

test('quotes, delimiters and line breaks within quotes belong to the field, and the lines still count', async () => {
  const file = 'name,account_id\r\n"a ""b"", c\r\nd",1\r\n\r\n  \r\n"x\n\ny",2\nz,3'
  for (const chunk of [1, 2, 5, 65_536]) {
    expect(await outcome(file, { chunk })).toEqual([
      row(2, { name: 'a "b", c\r\nd', account_id: '1' }),
      row(6, { name: 'x\n\ny', account_id: '2' }),
      row(9, { name: 'z', account_id: '3' }),
    ])
  }
})

test('blank lines are skipped, also before the header and in JSON lines', async () => {
  expect(await outcome('\n \naccount_id\n\na\n')).toEqual([row(5, { account_id: 'a' })])
  expect(await outcome('\n\n{"account_id":"a"}\n\n{"account_id":"b","name":null}\n')).toEqual([
    row(3, { account_id: 'a' }),
    row(5, { account_id: 'b' }),
  ])
})

test('a header without rows is a file of no accounts', async () => {
  expect(await outcome('account_id,name')).toEqual([])
  expect(await outcome('account_id,name\r\n')).toEqual([])
})

const head = 'account_id,name\n'

test('rows are returned in batches while the file is still arriving', async () => {
  let pulled = 0
  async function* source() {
    yield Buffer.from('account_id\n')
    for (; pulled < 100; pulled++) yield Buffer.from('an-account-of-a-portal\n'.repeat(1000))
  }
  for await (const batch of readLegacyFile(source())) {
    expect(batch.length).toBeLessThanOrEqual(1000)
    if (pulled > 2) break
  }
  expect(pulled).toBeLessThan(6)
})

test('a source is closed when the reader has finished, and an error of the source is passed on unchanged', async () => {
  for (const pack of [(text: string) => Buffer.from(text), (text: string) => gzipSync(text)]) {
    let closed = false
    const failure = new Error('connection lost')
    async function* source(end: 'fault' | 'break' | 'failure') {
      try {
        yield pack(end === 'fault' ? 'nothing\n' : plain)
        if (end === 'failure') throw failure
        yield* Array.from({ length: 1000 }, () => pack(end === 'break' ? plain : 'more\n'))
      } finally {
        closed = true
      }
    }
    await expect(rowsOf(source('failure'))).rejects.toBe(failure)
    closed = false
    await expect(rowsOf(source('fault'))).rejects.toBeInstanceOf(BrokerError)
    expect(closed).toBe(true)
  }
})

test('fields of any content, split into chunks at any byte, are read as they were written', async () => {
  const letters = fc.constantFrom(
    'a',
    '0',
    'ễ',
    'e\u0302\u0303',
    '"',
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    ' ',
    '😀',
    '\ufffd',
  )
  const field = fc.array(letters, { maxLength: 8 }).map((parts) => parts.join(''))
  const record = fc.tuple(field, field, field).filter((fields) => fields.some((text) => text.trim() !== ''))
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(',', ';', '\t'),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      async (records, chunk, delimiter, end, gzip) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        const text =
          ['account_id', 'name', 'other_id'].join(delimiter) +
          end +
          records.map((fields) => fields.map(quoted).join(delimiter) + end).join('')
        const content = gzip ? gzipSync(text) : Buffer.from(text)
        const rows = await outcome(content, { chunk })
        let line = 2
        const expected = records.map(([account, name, other]) => {
          const start = line
          line += [account, name, other].join('').split('\n').length
          return row(start, { account_id: account, name, other_id: other })
        })
        expect(rows).toEqual(expected)
      },
    ),
    search(150),
  )
})

test('any bytes give either rows or a refusal, and the result does not depend on the chunks', async () => {
  const part = fc.oneof(
    fc
      .constantFrom(head, 'a,b\n', '"', ',', '\n', '\r', '\0', '{"account_id":"a"}', 'ễ', '\ufeff')
      .map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 12 }), fc.boolean(), async (parts, headed) => {
      const content = Buffer.concat(headed ? [Buffer.from(head), ...parts] : parts)
      const whole = await outcome(content)
      for (const chunk of [1, [2, 5]]) expect(await outcome(content, { chunk })).toEqual(whole)
    }),
    search(400),
  )
})
