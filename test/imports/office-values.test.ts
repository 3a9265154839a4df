/** Values that spreadsheets, databases and other programs have damaged: refused or marked, with a sentence of their own. */
import { describe, expect, test } from 'vitest'
import { an, read, refusal } from '../support/imports/legacy-row.ts'

const invisible: [name: string, character: string][] = [
  ['U+200E', '\u200e'],
  ['U+061C', '\u061c'],
  ['U+200B', '\u200b'],
  ['U+00AD', '\u00ad'],
  ['U+2060', '\u2060'],
  ['U+FE0F', '\ufe0f'],
  ['U+034F', '\u034f'],
  ['U+E0061', '\u{e0061}'],
  ['U+FFF9', '\ufff9'],
  ['U+3164', '\u3164'],
  ['U+2800', '\u2800'],
  ['U+00A0', '\u00a0'],
  ['U+3000', '\u3000'],
]

describe('an account id', () => {
  test.each(invisible)('with the invisible character %s is refused, with its place', (code, character) => {
    expect(refusal({ ...an, account_id: `hoa${character}nt` })).toBe(
      `account_id: contains an invisible character (${code}, character 4); remove it`,
    )
  })

  test('that ends with an invisible character is refused, but blanks at its ends are none of it', () => {
    expect(refusal({ ...an, account_id: 'hoa\u200b' })).toMatch(/U\+200B, character 4/)
    expect(read({ ...an, account_id: '\ufeffhoa\u00a0' }).record?.accountId).toBe('hoa')
  })

  test.each([
    'NULL',
    'null',
    String.raw`\N`,
    '(null)',
    '<null>',
    '[NULL]',
    'None',
    'NaN',
    'N/A',
    '<NA>',
    'undefined',
  ])('that is the null word %s of a database is refused', (id) => {
    expect(refusal({ ...an, account_id: id })).toBe(
      'account_id: is the word of a database for an empty value, not an id',
    )
  })

  test.each([
    ['8.49E+10', /is in scientific notation/],
    ['8,49E+10', /is in scientific notation/],
    ['1.08599E+09', /is in scientific notation/],
    ['1e+21', /is in scientific notation/],
    ['8.49E10', /is in scientific notation/],
    ["'hoa.nt", /begins with the apostrophe of a spreadsheet/],
    ['’001185999902', /begins with the apostrophe of a spreadsheet/],
    ['="hoa.nt"', /is a formula of a spreadsheet/],
    ['=A1', /is a formula of a spreadsheet/],
    ['=VLOOKUP(A2;B:C;2)', /is a formula of a spreadsheet/],
    ['#N/A', /is an error value of a spreadsheet/],
    ['#NAME?', /is an error value of a spreadsheet/],
    ['########', /is an error value of a spreadsheet/],
    ['Err:502', /is an error value of a spreadsheet/],
    ['1185999902.0', /has decimals/],
    ['a&amp;b', /contains HTML entities/],
    ['ho\ufffda', /U\+FFFD/],
    ['hòa-NguyÔn ThÞ', /is text in TCVN3 \(ABC\)/],
  ])('that another program has damaged is refused: %s', (id, sentence) => {
    expect(refusal({ ...an, account_id: id })).toMatch(sentence)
  })

  test('that is the number of the row without its leading zeros is refused', () => {
    expect(refusal({ ...an, account_id: '1085999901' })).toBe(
      'account_id: is the number of this row without its leading zeros; export the column as text',
    )
  })

  test.each([
    '12E5',
    '1e10',
    'nguyễn-thị-hoa',
    'Hòa',
    'a n',
    '00an',
    'o’brien',
    'an@portal.vn',
    '1.0',
    'A&B',
    '+84912',
    '#an',
  ])('that only looks unusual is kept as it is: %s', (id) => {
    expect(read({ ...an, account_id: id })).toMatchObject({ outcome: 'ready', record: { accountId: id } })
  })
})

describe('a number that is malformed is marked, and the report says why', () => {
  test.each([
    ['citizen_id', '8.49E+10', /^citizen_id: is in scientific notation/],
    ['citizen_id', "'001085999901", /^citizen_id: begins with the apostrophe/],
    ['citizen_id', '="001085999901"', /^citizen_id: is a formula/],
    ['citizen_id', '#N/A', /^citizen_id: is an error value/],
    [
      'citizen_id',
      '1085999901',
      /^citizen_id: has 10 digits instead of 12; a spreadsheet may have removed leading zeros$/,
    ],
    ['citizen_id', '01085999901', /^citizen_id: has 11 digits instead of 12/],
    ['citizen_id', '79190999902.0', /^citizen_id: has decimals/],
    [
      'citizen_id',
      '001185999906\u200e',
      /^citizen_id: contains an invisible character \(U\+200E, character 13\)/,
    ],
    ['cmnd', '12345678', /^cmnd: has 8 digits instead of 9/],
    ['tax_code', '100109106', /^tax_code: has 9 digits instead of 10/],
  ])('%s %s', (column, value, note) => {
    expect(read({ [column]: value })).toMatchObject({
      outcome: 'ready',
      classes: expect.arrayContaining(['malformed_number']),
      note: expect.stringMatching(note),
      number: undefined,
    })
  })

  test('and a decimal point is never taken for the space between groups', () => {
    for (const citizen_id of ['79190999902.0', '7919099990.00', '0791909999.02'])
      expect(read({ citizen_id }).identifierType).toBeNull()
  })

  test('and a good row has no note', () => {
    expect(read(an).note).toBeNull()
  })
})

test.each(['NULL', 'null', String.raw`\N`, '(null)', 'None', 'NaN', 'nan', '<NA>'])(
  'the null word %s of a database counts as no value, except as an id',
  (word) => {
    const columns = [
      'kind',
      'citizen_id',
      'cmnd',
      'tax_code',
      'other_id',
      'name',
      'birth_date',
      'sex',
      'created_by',
    ]
    const rest = ['attested_at', 'last_used_at', 'province', 'email', 'phone']
    const fields = Object.fromEntries([...columns, ...rest].map((column) => [column, word]))
    expect(read(fields)).toMatchObject({
      outcome: 'ready',
      classes: ['missing_number'],
      record: { accountId: 'an' },
    })
  },
)

describe('a name', () => {
  test.each([
    ['NguyÔn ThÞ Hoa', 'is text in TCVN3 (ABC); convert the file to UTF-8'],
    ['Nguyeãn Thò Hoa', 'is text in VNI; convert the file to UTF-8'],
    ['Nguy\u00adn Th¸ Hoa', 'is text in VISCII; convert the file to UTF-8'],
    ['NguyêÞn Thiò Hoa', 'is text in windows-1258; convert the file to UTF-8'],
    ['Nguyá»…n Thá»‹ Hoa', 'is text in UTF-8 read as windows-1252; convert the file to UTF-8'],
    ['Nguy?n Th? Hoa', 'has question marks in place of letters that an export lost; export it in UTF-8'],
    ['Nguy\ufffdn', 'has question marks in place of letters that an export lost; export it in UTF-8'],
    ['Nguy&#7877;n', 'contains HTML entities; export plain text'],
    ['#REF!', 'is an error value of a spreadsheet; export it again'],
  ])('that another program has damaged is refused: %s', (name, sentence) => {
    expect(refusal({ ...an, name })).toBe(`name: ${sentence}`)
  })

  test.each([
    'Nguyễn Thị Hoa',
    'Hà Thu',
    'Lê Văn Quý',
    'Đỗ Mỹ Uyên',
    'Y Blô Niê',
    'Leão Silva',
    'Zoë Noël',
    'Lü Wei',
    'Søren Ås',
    'François Müller',
    'José Núñez',
    'Peña',
    'Trần Thị Tuyết',
    'Lò Văn Páo',
    'Vừ A Dế',
    'K’Brêu',
  ])('of a person is kept: %s', (name) => {
    expect(read({ ...an, name })).toMatchObject({ outcome: 'ready', record: { name } })
  })

  test('is kept without the invisible characters in it', () => {
    expect(read({ ...an, name: '\u200fLê Thị\u200b An' }).record?.name).toBe('Lê Thị An')
  })
})
