/**
 * The made-up citizens of the sandbox. None of them exists: the random part of every number starts with 9999, and the
 * numbers of organisations and foreigners have our own formats. Only append to the list, because `sub` depends on the
 * position.
 */
import type { Level, PersonKind } from '../vocabulary.ts'

/** What happens at VNeID instead of a sign-in. */
type Manner = 'locked' | 'refuses' | 'walks_away'

export interface Citizen {
  /** Short ASCII name, for tests and SIMULATOR_APPROVE. */
  readonly key: string
  /** Stable UUID, VNeID's own account identifier. */
  readonly sub: string
  /** The identification number; for kind `organisation` the organisation's. */
  readonly number: string
  readonly name: string
  readonly kind: PersonKind
  /** Mức độ 01/02; organisations have none. */
  readonly level?: Level
  /** `YYYY-MM-DD`, or `YYYY` where only the year is known. */
  readonly birthDate?: string
  readonly gender?: 'male' | 'female'
  readonly organisation?: { readonly id: string; readonly name: string }
  readonly manner?: Manner
  /** What is special about this citizen; shown on the page that chooses one. */
  readonly note?: string
}

const company = { id: 'TC-99990001', name: 'Công ty Cổ phần Ví Dụ' }
const male = { kind: 'citizen', gender: 'male', level: 2 } as const
const female = { kind: 'citizen', gender: 'female', level: 2 } as const

const entry = (key: string, number: string, name: string, birthDate: string, rest: Rest) => ({
  key,
  number,
  name,
  birthDate,
  ...rest,
})
type Rest = Omit<Citizen, 'key' | 'sub' | 'number' | 'name' | 'birthDate'>

const people: readonly Omit<Citizen, 'sub'>[] = [
  entry('an', '001085999901', 'Nguyễn Văn An', '1985-03-12', male),
  entry('binh', '079190999902', 'Trần Thị Bình', '1990-07-25', female),
  entry('chi', '048178999903', 'Lê Thị Chi', '1978-01-30', { ...female, level: 1, note: 'mức độ 01' }),
  entry('dung', '036052999904', 'Phạm Văn Dũng', '1952', { ...male, note: 'chỉ biết năm sinh' }),
  // Decomposed by code, because an editor might save this file in composed form.
  entry('hoa', '046166999905', 'Nguyễn Thị Hòa'.normalize('NFD'), '1966-09-02', {
    ...female,
    note: 'họ tên ở dạng NFD',
  }),
  entry('giang', '031174999906', 'Đinh Thị Giang', '1979-11-02', {
    ...female,
    note: 'số cấp lại, khác năm sinh',
  }),
  // Fifteen years old in 2026. The number holds the birth year, so the date cannot move with the calendar.
  entry('khoi', '001211999907', 'Đỗ Minh Khôi', '2011-05-20', { ...male, note: '15 tuổi' }),
  entry('an2', '040085999908', 'Nguyễn Văn An', '1985-03-12', {
    ...male,
    note: 'trùng họ tên, ngày sinh với người khác',
  }),
  entry('john', 'NN-99990009', 'JOHN EXAMPLE', '1982-04-17', {
    ...male,
    kind: 'foreigner',
    note: 'người nước ngoài',
  }),
  {
    key: 'congty',
    number: company.id,
    name: company.name,
    kind: 'organisation',
    organisation: company,
    note: 'tổ chức',
  },
  entry('minh', '092075999911', 'Hoàng Văn Minh', '1975-12-08', {
    ...male,
    kind: 'representative',
    organisation: company,
    note: 'người đại diện theo pháp luật của tổ chức',
  }),
  entry('nga', '027188999912', 'Vũ Thị Nga', '1988-06-19', {
    ...female,
    kind: 'unauthorised_member',
    organisation: company,
    note: 'thành viên chưa được ủy quyền',
  }),
  entry('phuc', '038083999913', 'Bùi Văn Phúc', '1983-02-14', {
    ...male,
    manner: 'locked',
    note: 'tài khoản đang bị khóa',
  }),
  entry('quyen', '049192999914', 'Đặng Thị Quyên', '1992-10-05', {
    ...female,
    manner: 'refuses',
    note: 'luôn từ chối',
  }),
  entry('son', '019070999915', 'Lý Văn Sơn', '1970-08-21', {
    ...male,
    manner: 'walks_away',
    note: 'bỏ đi giữa chừng',
  }),
  // The number has only eleven digits.
  entry('tam', '00119499991', 'Phan Thị Tâm', '1994-03-03', { ...female, note: 'số sai định dạng' }),
  entry('thao', '066196999917', 'H’Thảo Niê', '1996-05-11', {
    kind: 'citizen',
    level: 2,
    note: 'không có giới tính',
  }),
  entry('uyen', '089148999918', 'Trương Thị Uyên', '1948', {
    ...female,
    level: 1,
    note: 'mức độ 01, chỉ biết năm sinh',
  }),
  entry('vinh', '056202999919', 'Mai Quang Vinh', '2002-11-29', male),
  entry('xuan', '012304999920', 'Lò Thị Xuân', '2004-02-29', female),
  entry('loan', '075089999921', 'Ngô Thị Loan', '1989-01-16', {
    ...female,
    note: 'số cấp lại, khác giới tính',
  }),
  entry('kien', '022099999922', 'VÕ TRUNG KIÊN', '1999-12-31', {
    ...male,
    level: 1,
    note: 'mức độ 01, tên viết hoa',
  }),
  entry('dai', '024187999923', 'Công Tằng Tôn Nữ Hoàng Phương Khánh Ngọc Diệu Huyền', '1987-07-07', {
    ...female,
    note: 'họ tên rất dài',
  }),
  entry('yen', '096193999924', 'Huỳnh Thị Yến', '1993-09-09', female),
  entry('giang_cu', '031179999925', 'Đinh Thị Giang', '1979-11-02', {
    ...female,
    note: 'số cũ của giang, trước khi hủy và cấp lại',
  }),
]

export const citizens: readonly Citizen[] = people.map((person, index) => ({
  ...person,
  sub: `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`,
}))

const byKey = new Map(citizens.map((citizen) => [citizen.key, citizen]))
const byNumber = new Map(citizens.map((citizen) => [citizen.number, citizen]))

/** @param name a citizen's key or number */
export function findCitizen(name: string): Citizen | undefined {
  return byKey.get(name) ?? byNumber.get(name)
}

/** @throws Error if no citizen has this key or number */
export function citizenNamed(name: string): Citizen {
  const citizen = findCitizen(name)
  if (citizen === undefined) {
    throw new Error(
      `no citizen has the key or number ${name}; must be one of ${[...byKey.keys()].join(', ')}`,
    )
  }
  return citizen
}

const accountTypes: Readonly<Record<PersonKind, string>> = {
  citizen: '1',
  organisation: '2',
  representative: '3',
  unauthorised_member: '4',
  foreigner: '5',
}

/** VNeID's claims about the account, by the names of the broker's default UPSTREAM_CLAIMS. */
export function accountClaims(citizen: Citizen): Record<string, string> {
  return Object.fromEntries(
    Object.entries({
      accountType: accountTypes[citizen.kind],
      accountLevel: citizen.level && `0${citizen.level}`,
      citizenPid: citizen.kind === 'organisation' ? undefined : citizen.number,
      fullName: citizen.name,
      birthDate: citizen.birthDate?.replaceAll('-', ''),
      gender: citizen.gender,
      organizationId: citizen.organisation?.id,
      organizationName: citizen.organisation?.name,
    }).filter((claim): claim is [string, string] => claim[1] !== undefined),
  )
}
