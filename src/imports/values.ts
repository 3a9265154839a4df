/** Parsers and checks of the fields of a legacy account's row. Nothing here stores or quotes a value. */
import { Identifier, type IdentifierType } from '../citizen-id.ts'
import type { AccountCreator, Gender, Population } from '../vocabulary.ts'

/** Looks words up in any letter case and Unicode normalisation form. */
const words = <T>(table: Record<string, T>) => {
  const known = new Map(Object.entries(table))
  return (given: string): T | undefined => known.get(given) ?? known.get(given.normalize('NFC').toLowerCase())
}

export const readKind = words<Population>({
  citizen: 'citizen',
  'công dân': 'citizen',
  foreigner: 'foreigner',
  'người nước ngoài': 'foreigner',
  organisation: 'organisation',
  organization: 'organisation',
  'tổ chức': 'organisation',
  staff: 'staff',
  'cán bộ': 'staff',
})
export const readCreator = words<AccountCreator>({
  self: 'self',
  'công dân': 'self',
  officer: 'officer',
  'cán bộ': 'officer',
  other: 'other',
  khác: 'other',
})
/** Other values count as absent, because nothing depends on this field. */
export const readSex = words<Gender>({ male: 'male', nam: 'male', female: 'female', nữ: 'female' })

/** Removes spaces and dots between groups of digits, as printed on the card; changes nothing else. */
export const joinDigits = (given: string): string =>
  allDigits.test(given) || !grouped.test(given) ? given : given.replaceAll(/[ \u00a0.]/g, '')
const allDigits = /^\d+$/
/** No group is shorter: `.0` after a number is a decimal that a program has added. */
const grouped = /^\d+(?:[ \u00a0.]\d{3,})+$/

export const isCmnd = (given: string): boolean => /^\d{9}$/.test(given)

export function readIdentifier(type: IdentifierType, given: string): Identifier | undefined {
  try {
    return Identifier.parse(type, given)
  } catch {
    return undefined
  }
}

const taxWeights = [31, 29, 23, 19, 17, 13, 7, 5, 3]

/** Ten digits with a check digit and an optional branch suffix, or a person's 12-digit number (since 1/7/2025). */
export function isTaxCode(given: string): boolean {
  if (/^\d{12}$/.test(given)) return true
  if (!/^\d{10}(?:-\d{3})?$/.test(given)) return false
  const sum = taxWeights.reduce((total, weight, index) => total + weight * Number(given[index]), 0)
  return 10 - (sum % 11) === Number(given[9])
}

/** Codes of provinces before 1/7/2025. Codes of countries are not published, so an unknown code is only a warning. */
const prefixes = new Set(
  (
    '001 002 004 006 008 010 011 012 014 015 017 019 020 022 024 025 026 027 030 031 033 034 035 036 037 038 ' +
    '040 042 044 045 046 048 049 051 052 054 056 058 060 062 064 066 067 068 070 072 074 075 077 079 080 082 ' +
    '083 084 086 087 089 091 092 093 094 095 096'
  ).split(' '),
)
export const isKnownPrefix = (citizenId: string): boolean => prefixes.has(citizenId.slice(0, 3))

const isoDay = /^(\d{4})-(\d\d)-(\d\d)$/
const packedDay = /^(\d{4})(\d\d)(\d\d)$/
const localDay = /^(\d\d)\/(\d\d)\/(\d{4})$/
const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** @param today `YYYY-MM-DD`; later dates are invalid */
function readDay(given: string, today: string): string | undefined {
  const parts = isoDay.exec(given) ?? packedDay.exec(given)
  if (parts !== null) return dayOf(parts[1]!, parts[2]!, parts[3]!, today)
  const local = localDay.exec(given)
  return local === null ? undefined : dayOf(local[3]!, local[2]!, local[1]!, today)
}

function dayOf(year: string, month: string, day: string, today: string): string | undefined {
  const length =
    month === '02' ? new Date(Date.UTC(Number(year), 2, 0)).getUTCDate() : monthLengths[Number(month) - 1]
  if (length === undefined || Number(day) < 1 || Number(day) > length) return undefined
  const iso = `${year}-${month}-${day}`
  return iso >= '1850' && iso <= today ? iso : undefined
}

/** A date, or only a year. */
export function readBirth(given: string, today: string): string | undefined {
  if (!/^\d{4}$/.test(given)) return readDay(given, today)
  return given >= '1850' && given <= today.slice(0, 4) ? given : undefined
}

const time = /^(.{8,10})[T ]([01]\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/

/** A date with an optional time. A time with an offset is converted to Vietnam's date (UTC+7, no daylight saving). */
export function readMoment(given: string, today: string): string | undefined {
  const parts = given.length > 10 ? time.exec(given) : null
  if (parts === null) return readDay(given, today)
  const [, date = '', hour, minute, offset] = parts
  // With an offset, the date may differ by a day in Vietnam, so it is compared with today only after conversion.
  const day = readDay(date, offset === undefined ? today : '9999-12-31')
  if (day === undefined || offset === undefined) return day
  if (offset === '+07:00') return day <= today ? day : undefined
  const ahead = offset === 'Z' ? 0 : Number(`${offset[0]}1`) * minutes(offset.slice(1, 3), offset.slice(-2))
  const instant = Date.parse(`${day}T00:00:00Z`) + (minutes(hour, minute) - ahead + 7 * 60) * 60_000
  const local = new Date(instant).toISOString().slice(0, 10)
  return local <= today ? local : undefined
}
const minutes = (hours = '0', rest = '0') => 60 * Number(hours) + Number(rest)

const placeholderLocal =
  /^(no-?e?mail|no-?reply|none|null|khong-?co(-?e?mail)?|khong|test\d*|example|email|abc|a|x)$/
const placeholderDomain =
  /^(localhost|.*\.(test|example|invalid|localhost|local)|(.*\.)?example\.(com|net|org)|test\.(com|vn)|abc\.(com|vn))$/

/** Whether an e-mail address was only entered to fill a required field. */
export function isPlaceholderEmail(given: string): boolean {
  const [, local, domain] = /^([^@\s]+)@([^@\s]+)$/.exec(given.toLowerCase()) ?? []
  if (local === undefined || domain === undefined) return true
  return (
    placeholderLocal.test(local.replaceAll(/[._]/g, '-')) ||
    placeholderDomain.test(domain) ||
    !domain.includes('.')
  )
}

const sequences = ['0123456789', '1234567890', '0987654321']

export function isPlaceholderPhone(given: string): boolean {
  const digits = given.replaceAll(/[\s.()+-]/g, '')
  return !/^\d{8,15}$/.test(digits) || /^0?(\d)\1+$/.test(digits) || sequences.includes(digits)
}
