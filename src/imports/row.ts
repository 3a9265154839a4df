/**
 * One row of a portal's file → the sealed account, its keyed hashes, and the classes that depend on this row alone. The
 * database finds the classes that depend on other rows or on known accounts.
 */
import { type Identifier, type IdentifierType, disagreements } from '../citizen-id.ts'
import { type ClassName, classMask } from '../mapping/classes.ts'
import type { ColumnName, RawRow } from './columns.ts'
import { damageOf, damageOfText, isNullWord } from './damage.ts'
import { readNumbers } from './numbers.ts'
import { misreadAs } from './vietnamese-encodings.ts'
import * as read from './values.ts'
import type { LegacyRecord, LegacyRecords } from '../mapping/record.ts'
import { type AccountCreator, type Gender, type Population, faultOfId, isLegible } from '../vocabulary.ts'

export interface CleanRow {
  readonly line: number
  readonly outcome: 'ready' | 'refused'
  /** Null when the row has no valid account id. */
  readonly accountKey: Buffer | null
  readonly kind: Population
  readonly identifierType: IdentifierType | null
  /** One keyed hash per index key, newest key first; empty when there is no valid number. */
  readonly identifierKeys: readonly Buffer[]
  /** Keyed hashes of the CMND. */
  readonly hintKeys: readonly Buffer[]
  /** `YYYY-MM-DD` */
  readonly attestedOn: string | null
  readonly createdBy: AccountCreator
  /** `YYYY-MM-DD` */
  readonly lastUsedOn: string | null
  /** Two digits. */
  readonly province: string | null
  /** For a refused row: only the account id, or null when the account id is invalid. */
  readonly sealed: Buffer | null
  /** Keyed hashes of the content: equal for equal content. Empty for a refused row. */
  readonly digests: readonly Buffer[]
  /** A mask of `mapping/classes.ts` */
  readonly classes: number
  /** For a refused row: each faulty column and what is wrong, never a value. */
  readonly detail: string | null
  /** For a row that is not refused: why a number in it is malformed, never a value. */
  readonly note: string | null
}

/** @param today `YYYY-MM-DD` in Vietnam; nothing was attested, used or born after it */
export function createRowCleaner({
  records,
  clientId,
  today,
}: {
  records: LegacyRecords
  clientId: string
  today: string
}): (row: RawRow) => CleanRow {
  return ({ line, fields }) => {
    const faults: string[] = []
    const fault = (column: ColumnName, wrong: string) => void faults.push(`${column}: ${wrong}`)
    const cell = (column: ColumnName, longest = 200): string | undefined => {
      const value = textOf(fields[column])
      if (value === undefined) return undefined
      if (value.length > longest) fault(column, `must be at most ${longest} characters`)
      else if (!isLegible(value)) fault(column, 'contains control or text direction characters')
      else return value
      return undefined
    }
    const parsed = <T>(column: ColumnName, parse: (given: string) => T | undefined, wrong: string) => {
      const given = cell(column)
      if (given === undefined) return undefined
      const value = parse(given)
      if (value === undefined) fault(column, wrong)
      return value
    }

    const words = (column: ColumnName): string | undefined => {
      const value = cell(column)
      const damage = value === undefined ? undefined : damageOfText(value)
      if (damage !== undefined) fault(column, damage)
      return value?.replaceAll(unseen, '').trim() || undefined
    }

    const accountId = readAccountId(fields.account_id, fault)
    const kind = parsed('kind', read.readKind, 'unknown value') ?? 'citizen'
    const createdBy = parsed('created_by', read.readCreator, 'unknown value') ?? 'self'
    const birthDate = parsed(
      'birth_date',
      (given) => read.readBirth(given, today),
      'must be a date or a year that is not in the future',
    )
    const attestedOn = parsed('attested_at', (given) => read.readMoment(given, today), notPast)
    const lastUsedOn = parsed('last_used_at', (given) => read.readMoment(given, today), notPast)
    const province = parsed('province', twoDigits, 'must be a two-digit code')
    const name = words('name')?.normalize('NFC')
    const { identifier, cmnd, taxCode, other, notes, malformed } = readNumbers(kind, cell, words)
    const attests = textOf(fields.attested_at) !== undefined
    if (accountId !== undefined && identifier !== undefined && isShortened(accountId, identifier))
      fault('account_id', 'is the number of this row without its leading zeros; export the column as text')
    if (attests && identifier === undefined) fault('attested_at', 'is set, but the row has no valid number')

    const accountKey = accountId === undefined ? null : records.accountKey(clientId, accountId)
    if (accountId === undefined || accountKey === null || faults.length > 0)
      return {
        ...nothing,
        line,
        accountKey,
        kind,
        createdBy,
        sealed: accountKey && records.seal(accountKey, { accountId: accountId! }),
        detail: faults.join('; '),
      }

    const found: ClassName[] = []
    if (malformed) found.push('malformed_number')
    if (identifier === undefined) {
      if (cmnd !== undefined) found.push('cmnd_only')
      else if (taxCode === undefined && !malformed) found.push('missing_number')
    } else {
      if (attestedOn === undefined) found.push('not_attested')
      compare(identifier, birthDate, read.readSex(textOf(fields.sex) ?? ''), found)
    }
    if (kind === 'organisation') found.push('organisation_account')
    if (kind === 'staff') found.push('staff_account')
    if (createdBy === 'officer') found.push('officer_created')
    if (isPlaceholderContact(fields)) found.push('placeholder_contact')
    const classes = classMask(found)

    const record: LegacyRecord = {
      accountId,
      ...(identifier !== undefined && { identifier }),
      ...(cmnd !== undefined && { cmnd }),
      ...(taxCode !== undefined && { taxCode }),
      ...(other !== undefined && { other }),
      ...(name !== undefined && { name }),
      ...(birthDate !== undefined && { birthDate }),
    }
    const stored = {
      kind,
      attestedOn: attestedOn ?? null,
      createdBy,
      lastUsedOn: lastUsedOn ?? null,
      province: province ?? null,
      classes,
    }
    return {
      line,
      outcome: 'ready',
      accountKey,
      identifierType: identifier?.type ?? null,
      identifierKeys: identifier === undefined ? [] : records.numberKeys(identifier),
      hintKeys: cmnd === undefined ? [] : records.cmndKeys(cmnd),
      ...stored,
      sealed: records.seal(accountKey, record),
      digests: records.digests(contentOf(record, stored)),
      detail: null,
      note: notes.length === 0 ? null : notes.join('; '),
    }
  }
}

/** The value without the blanks around it; undefined if it is empty, or the word of a database for that. */
function textOf(given: string | undefined): string | undefined {
  const value = given?.trim()
  return value === undefined || value === '' || isNullWord(value) ? undefined : value
}
/** Characters without a shape, which do not belong to a name or a paper either. */
const unseen = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

const isShortened = (accountId: string, identifier: Identifier): boolean => {
  const number = identifier.reveal()
  return number.startsWith('0') && number !== accountId && number.replace(/^0+/, '') === accountId
}

/** A refused row keeps only its account id. */
const nothing = {
  outcome: 'refused',
  identifierType: null,
  identifierKeys: [],
  hintKeys: [],
  attestedOn: null,
  lastUsedOn: null,
  province: null,
  digests: [],
  classes: classMask(['invalid_field']),
  note: null,
} as const

const notPast = 'must be a date that is not in the future'
const twoDigits = (given: string) => (/^\d{2}$/.test(given) ? given : undefined)
type Fault = (column: ColumnName, wrong: string) => void

/** Only trimmed, with no Unicode normalisation or case folding: the id is an opaque string of the portal. */
function readAccountId(given: string | undefined, fault: Fault): string | undefined {
  const accountId = given?.trim() ?? ''
  if (accountId === '') fault('account_id', 'is missing')
  else if (accountId.length > 256) fault('account_id', 'must be at most 256 characters')
  else {
    const wrong = faultOfAccountId(accountId)
    if (wrong === undefined) return accountId
    fault('account_id', wrong)
  }
  return undefined
}

function faultOfAccountId(accountId: string): string | undefined {
  if (isNullWord(accountId)) return 'is the word of a database for an empty value, not an id'
  const encoding = misreadAs(accountId)
  return (
    faultOfId(accountId) ??
    damageOf(accountId) ??
    (encoding === undefined ? undefined : `is text in ${encoding}; convert the file to UTF-8`)
  )
}

/** These classes are informational, because a re-issued number may legitimately differ. */
function compare(
  identifier: Identifier,
  birthDate: string | undefined,
  gender: Gender | undefined,
  found: ClassName[],
): void {
  if (identifier.type !== 'citizen_id') return
  if (!read.isKnownPrefix(identifier.reveal())) found.push('unknown_prefix')
  for (const differing of disagreements(identifier, { birthDate, gender })) found.push(`${differing}_differs`)
}

/** E-mail and phone are only checked for placeholders; they are not stored and never link an account. */
function isPlaceholderContact({ email, phone }: RawRow['fields']): boolean {
  const address = textOf(email)
  const number = textOf(phone)
  return (
    (address !== undefined && read.isPlaceholderEmail(address)) ||
    (number !== undefined && read.isPlaceholderPhone(number))
  )
}

/** The stored content of a row as text. The order must never change, or every row would count as changed. */
export const contentOf = (
  { accountId, identifier, cmnd, taxCode, other, name, birthDate }: LegacyRecord,
  { kind, attestedOn, createdBy, lastUsedOn, province, classes }: Stored,
): string =>
  JSON.stringify([
    accountId,
    identifier?.type,
    identifier?.reveal(),
    cmnd,
    taxCode,
    other,
    name,
    birthDate,
    kind,
    attestedOn,
    createdBy,
    lastUsedOn,
    province,
    classes,
  ])
type Stored = Pick<CleanRow, 'kind' | 'attestedOn' | 'createdBy' | 'lastUsedOn' | 'province' | 'classes'>
