import { describe, expect, test } from 'vitest'
import { nameKey, sameBirthDate, sameName } from '../../src/mapping/names.ts'

describe('two spellings of one name are equal', () => {
  test.each([
    ['where the tone is written', 'Hòa', 'Hoà'],
    ['the same with an acute', 'Nguyễn Thị Thúy', 'Nguyễn Thị Thuý'],
    ['after q', 'Qúy', 'Quý'],
    ['after g', 'Gìang', 'Giàng'],
    ['on a letter with a mark of its own', 'Nguyễn Thị Huyền', 'NGUYỄN THỊ HUYỀN'],
    ['upper and lower case', 'đinh thị giang', 'ĐINH THỊ GIANG'],
    ['spacing', '  Lê   Thị\tChi ', 'Lê Thị Chi'],
    ['no-break spaces', 'Lê\u00a0Thị\u00a0Chi', 'Lê Thị Chi'],
  ])('%s', (_, a, b) => {
    for (const form of ['NFC', 'NFD'] as const) {
      for (const other of ['NFC', 'NFD'] as const) {
        expect(sameName(a.normalize(form), b.normalize(other))).toBe(true)
        expect(nameKey(a.normalize(form))).toBe(nameKey(b.normalize(other)))
      }
    }
  })
})

test.each([
  ['a tone', 'Hoa', 'Hòa'],
  ['another tone', 'Hòa', 'Hóa'],
  ['a hook for a tilde', 'Thảo', 'Thão'],
  ['a circumflex', 'Tân', 'Tan'],
  ['a breve for a circumflex', 'Tăn', 'Tân'],
  ['a horn', 'Hưng', 'Hung'],
  ['another letter under the same tone', 'Ngọc', 'Ngộc'],
  ['đ for d', 'Đinh Thị Giang', 'Dinh Thị Giang'],
  ['a tone on another syllable', 'Hòa An', 'Hoa Àn'],
  ['syllables in another order', 'An Bình', 'Bình An'],
  ['syllables run together', 'Thị Hoa', 'ThịHoa'],
])('%s makes another name', (_, a, b) => {
  expect(sameName(a, b)).toBe(false)
  expect(sameName(a.normalize('NFD'), b)).toBe(false)
})

test('an empty name equals no other name, not even another empty one', () => {
  expect(sameName('', '')).toBe(false)
  expect(sameName(' ', '\u00a0')).toBe(false)
})

test('birth dates agree by the day, or by the year if one side has only the year', () => {
  expect(sameBirthDate('1952-03-01', '1952-03-01')).toBe(true)
  expect(sameBirthDate('1952-03-01', '1952-03-02')).toBe(false)
  expect(sameBirthDate('1952', '1952-03-02')).toBe(true)
  expect(sameBirthDate('1952-03-02', '1952')).toBe(true)
  expect(sameBirthDate('1952', '1952')).toBe(true)
  expect(sameBirthDate('1953', '1952-03-02')).toBe(false)
})

test('an unknown birth date agrees with no other', () => {
  expect(sameBirthDate(undefined, undefined)).toBe(false)
  expect(sameBirthDate(undefined, '1952')).toBe(false)
  expect(sameBirthDate('1952', undefined)).toBe(false)
})
