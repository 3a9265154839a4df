/** Which dates of a portal's row are accepted. No date is in the future or guessed. */
import { describe, expect, test } from 'vitest'
import { an, read, refusal } from '../support/imports/legacy-row.ts'

describe('a date', () => {
  test.each([
    ['1985-03-12', '1985-03-12'],
    ['19850312', '1985-03-12'],
    ['12/03/1985', '1985-03-12'],
    ['1985', '1985'],
    ['2000-02-29', '2000-02-29'],
    ['29/02/1988', '1988-02-29'],
    [' 1985 ', '1985'],
  ])('of birth may read %s', (birth_date, birthDate) => {
    expect(read({ ...an, birth_date })).toMatchObject({ outcome: 'ready', record: { birthDate } })
  })

  test.each([
    '1985-02-29',
    '1900-02-29',
    '31/04/1985',
    '00/00/1985',
    '1985-13-01',
    '1985-00-10',
    '12-03-1985',
    '3/12/1985',
    '1849',
    '2027',
    '2026-10-02',
    '31121',
    'tháng 3',
  ])('of birth may not read %s', (birth_date) => {
    expect(refusal({ ...an, birth_date })).toBe(
      'birth_date: must be a date or a year that is not in the future',
    )
  })

  test.each([
    ['2024-05-01', '2024-05-01'],
    ['20240501', '2024-05-01'],
    ['01/05/2024', '2024-05-01'],
    ['01/05/2024 23:59', '2024-05-01'],
    ['2024-05-01 08:30:00', '2024-05-01'],
    ['2024-05-01T23:30:00.123', '2024-05-01'],
    ['2024-05-01T16:59:59Z', '2024-05-01'],
    ['2024-05-01T17:00:00Z', '2024-05-02'],
    ['2024-05-01T23:30:00+07:00', '2024-05-01'],
    ['2024-05-01T00:30:00+0900', '2024-04-30'],
    ['2024-05-01T12:00:00-05:30', '2024-05-02'],
    ['2026-10-01', '2026-10-01'],
    ['2026-10-02T01:00:00+14:00', '2026-10-01'],
  ])('of attestation or last use may read %s, by the calendar of Vietnam', (given, day) => {
    expect(read({ ...an, attested_at: given, last_used_at: given })).toMatchObject({
      outcome: 'ready',
      attestedOn: day,
      lastUsedOn: day,
    })
  })

  test.each([
    '2026-10-02',
    '2026-10-01T17:00:00Z',
    '2024',
    '2024-05-01T24:00:00',
    '2024-05-01T08:61',
    '2024-02-30',
    'yes',
    '1',
  ])('of attestation or last use may not read %s, nor lie ahead', (given) => {
    expect(refusal({ ...an, attested_at: given })).toBe(
      'attested_at: must be a date that is not in the future',
    )
    expect(refusal({ ...an, last_used_at: given })).toBe(
      'last_used_at: must be a date that is not in the future',
    )
  })
})

test('a date of attestation needs a number that it attests', () => {
  for (const numbers of [{}, { cmnd: '999900001' }, { citizen_id: '12' }, { tax_code: '0100109106' }])
    expect(refusal({ ...numbers, attested_at: '2024-05-01' })).toBe(
      'attested_at: is set, but the row has no valid number',
    )
  expect(read({ citizen_id: '001085999901' }).classes).toEqual(['not_attested'])
})
