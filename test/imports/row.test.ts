/** The result of a row of a portal's file: what is noted, what is refused, what is never stored. */
import { describe, expect, test } from 'vitest'
import { Identifier } from '../../src/citizen-id.ts'
import { type Fields, an, citizenKeys, clean, read, records, refusal } from '../support/imports/legacy-row.ts'

test('a full row is sealed, is found by its keys only, and no part of it is stored in clear', () => {
  const fields: Fields = {
    ...an,
    kind: 'Công dân',
    cmnd: '999900001',
    tax_code: '0100109106',
    other_id: 'C9999001',
    name: 'Nguyễn Văn An'.normalize('NFD'),
    birth_date: '12/03/1985',
    sex: 'Nam',
    created_by: 'self',
    last_used_at: '2024-06-01T08:30:00',
    province: '01',
    email: 'an@mail.vn',
    phone: '0912 345 670',
  }
  const row = read(fields)
  expect(row).toMatchObject({
    line: 7,
    outcome: 'ready',
    kind: 'citizen',
    identifierType: 'citizen_id',
    attestedOn: '2024-05-01',
    createdBy: 'self',
    lastUsedOn: '2024-06-01',
    province: '01',
    classes: [],
    detail: null,
    number: '001085999901',
  })
  expect(row.record).toMatchObject({
    accountId: 'an',
    cmnd: '999900001',
    taxCode: '0100109106',
    other: 'C9999001',
    name: 'Nguyễn Văn An',
    birthDate: '1985-03-12',
  })
  expect(row.accountKey).toEqual(records.accountKey('portal', 'an'))
  expect(row.identifierKeys).toEqual(citizenKeys.keys(Identifier.parse('citizen_id', '001085999901')))
  expect(row.hintKeys).toEqual(records.cmndKeys('999900001'))
  expect(row.digests).toHaveLength(2)
  const { record: _, number: __, ...visible } = row
  expect(JSON.stringify(visible)).not.toMatch(/001085|99990|Nguy|mail|0912|0100109106/)
})

test('e-mail addresses and telephone numbers are checked, and are neither sealed nor part of the digest', () => {
  const without = read(an)
  const withContact = read({ ...an, email: 'an@mail.vn', phone: '0912345670' })
  expect(withContact.record).toEqual(without.record)
  expect(withContact.digests).toEqual(without.digests)
})

describe('an account id is the portal’s own', () => {
  test('and is kept exactly, except for the blanks around it', () => {
    for (const id of ['An', 'an ', '\u00a0an', 'a n', '00an', 'Hòa', 'Hòa'.normalize('NFD')])
      expect(read({ ...an, account_id: id }).record?.accountId).toBe(id.trim())
    expect(read({ ...an, account_id: 'Hòa' }).accountKey).not.toEqual(
      read({ ...an, account_id: 'Hòa'.normalize('NFD') }).accountKey,
    )
  })

  test('and a row without a usable one is refused and not sealed', () => {
    for (const [id, wrong] of [
      ['', 'is missing'],
      [' \u00a0', 'is missing'],
      ['x'.repeat(257), 'must be at most 256 characters'],
      ['a\nb', 'contains control or text direction characters'],
      ['a\u202eb', 'contains control or text direction characters'],
    ] as const) {
      expect(read({ ...an, account_id: id })).toMatchObject({
        outcome: 'refused',
        classes: ['invalid_field'],
        accountKey: null,
        sealed: null,
        digests: [],
        detail: `account_id: ${wrong}`,
      })
    }
    expect(clean({ line: 3, fields: {} })).toMatchObject({ line: 3, outcome: 'refused', accountKey: null })
    expect(read({ ...an, account_id: 'x'.repeat(256) }).outcome).toBe('ready')
  })
})

test('a kind is one of four, in either language; the default is a citizen', () => {
  for (const [said, kind] of [
    [undefined, 'citizen'],
    [' ', 'citizen'],
    ['CITIZEN', 'citizen'],
    ['Công dân'.normalize('NFD'), 'citizen'],
    ['foreigner', 'foreigner'],
    ['Người nước ngoài', 'foreigner'],
    ['organization', 'organisation'],
    ['organisation', 'organisation'],
    ['TỔ CHỨC', 'organisation'],
    ['staff', 'staff'],
    ['cán bộ', 'staff'],
  ] as const)
    expect(read({ ...an, ...(said !== undefined && { kind: said }) })).toMatchObject({
      outcome: 'ready',
      kind,
    })
  expect(read({ ...an, kind: 'tổ chức' }).classes).toContain('organisation_account')
  expect(read({ ...an, kind: 'cán bộ' }).classes).toContain('staff_account')
  for (const kind of ['1', 'constructor', '__proto__', 'doanh nghiệp'])
    expect(refusal({ ...an, kind })).toBe('kind: unknown value')
})

test('the creator of the account is one of three; an account made by an officer is noted', () => {
  for (const [said, createdBy] of [
    ['', 'self'],
    ['Công dân', 'self'],
    ['OFFICER', 'officer'],
    ['cán bộ', 'officer'],
    ['khác', 'other'],
  ] as const)
    expect(read({ ...an, created_by: said })).toMatchObject({
      createdBy,
      classes: createdBy === 'officer' ? ['officer_created'] : [],
    })
  expect(refusal({ ...an, created_by: 'ai đó' })).toBe('created_by: unknown value')
})

test('a province is a code of two digits', () => {
  expect(read({ ...an, province: ' 79 ' }).province).toBe('79')
  for (const province of ['1', '001', 'Hà Nội', '0x']) {
    expect(refusal({ ...an, province })).toBe('province: must be a two-digit code')
  }
})

test('a name is normalised (NFC), and a name that could deceive its reader is refused', () => {
  expect(read({ ...an, name: ` ${'Lê Thị Hòa'.normalize('NFD')} ` }).record?.name).toBe('Lê Thị Hòa')
  for (const name of ['Lê\nHòa', 'Lê\u202eHòa', 'Lê\u2066Hòa', 'Lê\ue000', 'Lê\ud800'])
    expect(refusal({ ...an, name })).toBe('name: contains control or text direction characters')
  expect(refusal({ ...an, name: 'x'.repeat(201) })).toBe('name: must be at most 200 characters')
})

test.each([
  [
    'email',
    [
      'noemail@mail.vn',
      'no-email@tinh.vn',
      'khongco@mail.vn',
      'test@mail.vn',
      'TEST1@MAIL.VN',
      'an@example.com',
      'an@sub.example.org',
      'root@localhost',
      'an@host.local',
      'an@may.test',
      'không có',
      'an@',
      '-',
      'a b@mail.vn',
    ],
  ],
  [
    'phone',
    ['0000000000', '1111111111', '0999999999', '0123456789', '+84', 'không có', '091234567x', '12345'],
  ],
] as const)('an %s that nobody owns is noted', (column, values) => {
  for (const value of values)
    expect(read({ ...an, [column]: value }).classes).toEqual(['placeholder_contact'])
})

test('an address or number that may belong to a person is not', () => {
  for (const email of [
    'an@mail.vn',
    'testarossa@mail.vn',
    'an.example@mail.vn',
    'AN@MAIL.VN',
    'an@contest.com',
    '',
  ])
    expect(read({ ...an, email }).classes).toEqual([])
  for (const phone of ['0912345670', '+84 912 345 670', '(024) 3.999.9901', '024-39999901', ''])
    expect(read({ ...an, phone }).classes).toEqual([])
})

test('rows with equal content have equal digests, and any change of the stored content changes the digest', () => {
  const digest = (fields: Fields) => read(fields).digests.map((bytes) => bytes.toString('hex'))
  const base: Fields = { ...an, name: 'Lê Thị Hòa', birth_date: '1985-03-12' }
  const same: Fields[] = [
    { ...base, name: 'Lê Thị Hòa'.normalize('NFD') },
    { ...base, birth_date: '12/03/1985', citizen_id: '001 085 999 901' },
    { ...base, kind: 'công dân', created_by: 'self', sex: 'nam', phone: '0912345670' },
  ]
  for (const fields of same) expect(digest(fields)).toEqual(digest(base))
  const changes: Fields[] = [
    { account_id: 'an2' },
    { kind: 'staff' },
    { citizen_id: '001085999902' },
    { citizen_id: '', attested_at: '' },
    { cmnd: '999900001' },
    { tax_code: '0100109106' },
    { other_id: 'C9999001' },
    { name: 'Lê Thị Hoa' },
    { birth_date: '1985' },
    { attested_at: '2024-05-02' },
    { attested_at: '' },
    { created_by: 'other' },
    { last_used_at: '2024-05-02' },
    { province: '01' },
    { sex: 'nữ' },
    { phone: '0000000000' },
  ]
  const seen = [base, ...changes.map((change) => ({ ...base, ...change }))].map((fields) => digest(fields)[0])
  expect(new Set(seen).size).toBe(changes.length + 1)
})

test('a refused row names every faulty column, keeps only the account id, and quotes nothing', () => {
  const row = read({
    ...an,
    name: 'Bình\u202e',
    birth_date: 'Bình',
    province: 'Bình',
    kind: 'Bình',
    created_by: 'Bình',
  })
  expect(row).toMatchObject({
    outcome: 'refused',
    accountKey: records.accountKey('portal', 'an'),
    kind: 'citizen',
    identifierType: null,
    identifierKeys: [],
    hintKeys: [],
    attestedOn: null,
    digests: [],
  })
  expect(row.record).toEqual({ accountId: 'an' })
  expect(row.detail?.split('; ').map((fault) => fault.split(':')[0])).toEqual([
    'kind',
    'created_by',
    'birth_date',
    'province',
    'name',
  ])
  expect(row.detail).not.toContain('Bình')
})
