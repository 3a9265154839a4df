import { describe, expect, test } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import { isComplete, readBirthDate, toIdentity } from '../../src/upstream/identity.ts'
import { now, upstreamConfig } from '../support/login/upstream.ts'

const config = upstreamConfig({
  UPSTREAM_DIALECT: 'oidc',
  UPSTREAM_ISSUER: 'https://vneid.example',
  UPSTREAM_CLIENT_SECRET: 's',
})
const citizen = {
  accountType: '1',
  accountLevel: '02',
  citizenPid: '001085999901',
  fullName: 'Nguyễn Văn An',
}
const company = { organizationId: 'TC-99990001', organizationName: 'Công ty Ví Dụ' }
const read = (claims: Record<string, unknown>) => toIdentity(claims, now(), config)
const refused = (claims: Record<string, unknown>) => {
  try {
    read(claims)
  } catch (error) {
    return error instanceof BrokerError ? `${error.code}: ${error.detail}` : error
  }
  return 'accepted'
}

test('kind and level may be strings or numbers, with or without a leading zero', () => {
  for (const [accountType, accountLevel] of [
    ['1', '02'],
    [1, 2],
    ['1', '2'],
  ]) {
    expect(read({ ...citizen, accountType, accountLevel })).toMatchObject({ kind: 'citizen', level: 2 })
  }
})

test('an unknown kind or level is refused; the error names the claim and does not repeat its value', () => {
  for (const accountType of [
    undefined,
    null,
    '',
    '9',
    1.5,
    true,
    {},
    'constructor',
    '__proto__',
    'x'.repeat(100),
  ]) {
    expect(refused({ ...citizen, accountType })).toMatch(
      /^upstream_answer_invalid: claim accountType( is missing or unknown)?$/,
    )
  }
  for (const accountLevel of [undefined, '', '3', 0, '002']) {
    expect(refused({ ...citizen, accountLevel })).toBe(
      'upstream_answer_invalid: claim accountLevel is missing or unknown',
    )
  }
})

describe('each kind has its own identifier', () => {
  test('a citizen and an unauthorised member have a number of 12 digits', () => {
    for (const accountType of ['1', '4'])
      expect(read({ ...citizen, accountType }).identifier.type).toBe('citizen_id')
  })
  test('a foreigner always has a foreigner’s number, of 12 digits or of another form', () => {
    for (const citizenPid of ['NN-99990009', '001085999901']) {
      const { kind, identifier } = read({ ...citizen, accountType: '5', citizenPid })
      expect([kind, identifier.type]).toEqual(['foreigner', 'foreigner_id'])
    }
  })
  test('an organisation has its own number, and no level', () => {
    const identity = read({ accountType: '2', accountLevel: '02', ...company })
    expect(identity).toMatchObject({ kind: 'organisation', name: 'Công ty Ví Dụ' })
    expect([identity.identifier.type, 'level' in identity]).toEqual(['organisation_id', false])
  })
  test('a representative has both, and is refused without the organisation', () => {
    const claims = { ...citizen, accountType: '3' }
    const identity = read({ ...claims, ...company })
    expect(identity.identifier.type).toBe('citizen_id')
    expect(identity.organisation).toMatchObject({
      identifier: { type: 'organisation_id' },
      name: 'Công ty Ví Dụ',
    })
    expect(refused(claims)).toMatch(/^identifier_malformed/)
  })
})

test('a number in another form is refused and never corrected', () => {
  for (const citizenPid of [
    undefined,
    '',
    1085999901,
    '00108599990',
    ' 001085999901',
    '001085999901\n',
    '٠٠١٠٨٥٩٩٩٩٠١',
  ]) {
    expect(refused({ ...citizen, citizenPid })).toBe('identifier_malformed: not a well-formed citizen_id')
  }
})

test('a name is composed and trimmed; a name with control characters or of excessive length is refused', () => {
  expect(read({ ...citizen, fullName: ' Nguyễn Thị Hòa '.normalize('NFD') }).name).toBe('Nguyễn Thị Hòa')
  expect('name' in read({ ...citizen, fullName: ' ' })).toBe(false)
  expect('name' in read({ ...citizen, fullName: null })).toBe(false)
  for (const fullName of ['a\u0000b', 'a\u202eb', 'a\ud800', 'x'.repeat(201), 12, ['An']]) {
    expect(refused({ ...citizen, fullName })).toBe('upstream_answer_invalid: claim fullName')
  }
})

test('birth dates are read in four forms and written in two', () => {
  const said = {
    '19850312': '1985-03-12',
    '1985-03-12': '1985-03-12',
    '12/03/1985': '1985-03-12',
    '1952': '1952',
    '20040229': '2004-02-29',
  }
  for (const [given, expected] of Object.entries(said)) expect(readBirthDate(given, now())).toBe(expected)
  expect(read({ ...citizen, birthDate: 19850312 }).birthDate).toBe('1985-03-12')
  const wrong = [
    '20010230',
    '20010229',
    '1985-13-01',
    '31/04/1985',
    '12-03-1985',
    '850312',
    '0000',
    '3000',
    '18000101',
    '99991231',
    '1985-3-1',
  ]
  expect(wrong.filter((given) => readBirthDate(given, now()) !== undefined)).toEqual([])
  expect(refused({ ...citizen, birthDate: '20010230' })).toBe('upstream_answer_invalid: claim birthDate')
})

test('an unknown gender counts as absent', () => {
  const said = ['male', 'Nam', 'female', 'Nữ', 'Nữ'.normalize('NFD'), 'khác', '1', 1, null, '__proto__']
  const heard = said.map((gender) => read({ ...citizen, gender }).gender)
  expect(heard).toEqual([
    'male',
    'male',
    'female',
    'female',
    'female',
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('userinfo is called only if kind, level, number or name is missing', () => {
  expect(isComplete(citizen, config)).toBe(true)
  const needed = Object.keys(citizen).filter((claim) => !isComplete({ ...citizen, [claim]: '' }, config))
  expect(needed).toEqual(Object.keys(citizen))
  expect(isComplete({ accountType: '2', ...company }, config)).toBe(true)
  expect(isComplete({ ...citizen, accountType: '3' }, config)).toBe(false)
  expect(isComplete({ ...citizen, accountType: '3', ...company }, config)).toBe(true)
})
