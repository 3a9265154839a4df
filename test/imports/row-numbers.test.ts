/** Which numbers of a portal's row are used, and which are only kept. No number is guessed. */
import { describe, expect, test } from 'vitest'
import { an, read, records, refusal } from '../support/imports/legacy-row.ts'

describe('a number', () => {
  test.each([
    '001 085 999 901',
    '001.085.999.901',
    '001085 999901',
    '001\u00a0085\u00a0999\u00a0901',
    ' 001085999901 ',
  ])('may be written in groups of digits: %j', (citizen_id) => {
    expect(read({ ...an, citizen_id })).toMatchObject({ number: '001085999901', classes: [] })
  })

  test.each([
    '1085999901',
    '01085999901',
    '0010859999011',
    '001-085-999-901',
    '001  085999901',
    '.001085999901',
    "'001085999901",
    '001085999901x',
    '００１０８５９９９９０１',
    '1.085999901E9',
    'không có',
  ])('is never padded, cut or guessed: %j is kept, sealed, and not searched for', (citizen_id) => {
    const row = read({ citizen_id })
    expect(row).toMatchObject({ outcome: 'ready', identifierType: null, identifierKeys: [], hintKeys: [] })
    expect(row.classes).toEqual(['malformed_number'])
    expect(row.record?.other).toBe(`citizen_id ${citizen_id}`)
  })

  test('that is no CMND, foreigner, organisation or tax number is kept in the same way', () => {
    const row = read({ cmnd: '12345678', foreigner_id: 'nn?', organisation_id: 'x', tax_code: '0100109107' })
    expect(row.classes).toEqual(['malformed_number'])
    expect(row.record).toEqual({
      accountId: 'an',
      other: 'cmnd 12345678; foreigner_id nn?; organisation_id x; tax_code 0100109107',
    })
  })

  test('of nine digits is a CMND, also in the column of the citizen’s number', () => {
    for (const fields of [
      { cmnd: '999 900 001' },
      { citizen_id: '999900001' },
      { cmnd: '999900001', citizen_id: '999.900.001' },
    ]) {
      const row = read(fields)
      expect(row.classes).toEqual(['cmnd_only'])
      expect(row.record).toEqual({ accountId: 'an', cmnd: '999900001' })
      expect(row.hintKeys).toEqual(records.cmndKeys('999900001'))
    }
    const two = read({ cmnd: '999900001', citizen_id: '999900002' })
    expect(two.record).toEqual({ accountId: 'an', cmnd: '999900001', other: 'cmnd 999900002' })
    expect(two.hintKeys).toEqual(records.cmndKeys('999900001'))
    expect(read({ ...an, cmnd: '999900001' }).classes).toEqual([])
  })

  test('is missing only if no document of the row has one', () => {
    expect(read({}).classes).toEqual(['missing_number'])
    expect(read({ citizen_id: ' ', other_id: 'C9999001' }).classes).toEqual(['missing_number'])
    expect(read({ tax_code: '0100109106' }).classes).toEqual([])
    expect(read({ citizen_id: '12' }).classes).toEqual(['malformed_number'])
  })

  test('that is too long is refused, not truncated', () => {
    expect(refusal({ citizen_id: '9'.repeat(201) })).toBe('citizen_id: must be at most 200 characters')
    expect(refusal({ citizen_id: '\u202a001085999901' })).toBe(
      'citizen_id: contains control or text direction characters',
    )
  })
})

test('a tax code has a check digit and an optional branch; a person’s tax code is the twelve-digit number', () => {
  for (const tax_code of ['0100109106', '0100109106-001', '001085999901'])
    expect(read({ tax_code })).toMatchObject({
      classes: [],
      identifierType: null,
      record: { taxCode: tax_code },
    })
  for (const tax_code of ['0100109105', '0100109106001', '0100109106-1', '010010910'])
    expect(read({ tax_code })).toMatchObject({
      classes: ['malformed_number'],
      record: { other: `tax_code ${tax_code}` },
    })
})

test('of several numbers the one of the account’s kind is used, and the others are kept', () => {
  const all = { citizen_id: '001085999901', foreigner_id: 'NN-99990009', organisation_id: 'TC-99990001' }
  for (const [kind, number, other] of [
    ['citizen', '001085999901', 'foreigner_id NN-99990009; organisation_id TC-99990001'],
    ['staff', '001085999901', 'foreigner_id NN-99990009; organisation_id TC-99990001'],
    ['foreigner', 'NN-99990009', 'citizen_id 001085999901; organisation_id TC-99990001'],
    ['organisation', 'TC-99990001', 'citizen_id 001085999901; foreigner_id NN-99990009'],
  ] as const)
    expect(read({ ...all, kind })).toMatchObject({ number, record: { other } })
  // Such an account is never linked automatically (linking.ts), but its number is known.
  for (const kind of ['organisation', 'staff'])
    expect(read({ ...an, kind })).toMatchObject({ number: '001085999901', identifierType: 'citizen_id' })
})

test('an unknown province code and inconsistent digits are only noted, not refused', () => {
  expect(read({ ...an, citizen_id: '003085999901' }).classes).toEqual(['unknown_prefix'])
  expect(read({ ...an, citizen_id: '096085999901' }).classes).toEqual([])
  expect(read({ ...an, birth_date: '1986' }).classes).toEqual(['birth_year_differs'])
  expect(read({ ...an, sex: 'nữ' }).classes).toEqual(['sex_differs'])
  expect(read({ ...an, sex: 'NỮ'.normalize('NFD'), birth_date: '1984-12-31' })).toMatchObject({
    outcome: 'ready',
    classes: ['birth_year_differs', 'sex_differs'],
  })
  for (const sex of ['', 'khác', '1', 'constructor']) expect(read({ ...an, sex }).classes).toEqual([])
  expect(read({ foreigner_id: '999085999901', birth_date: '1999', sex: 'nữ' }).classes).toEqual([
    'not_attested',
  ])
})
