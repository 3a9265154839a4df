/**
 * One row of a portal's file → the sealed account, its keyed hashes, and the classes that depend on this row alone. The
 * database finds the classes that depend on other rows or on known accounts.
 */
import { type Identifier, type IdentifierType, disagreements, identifierTypes } from '../citizen-id.ts'
import { type ClassName, classMask } from '../mapping/classes.ts'
import type { ColumnName, RawRow } from './columns.ts'
import * as read from './values.ts'
import type { LegacyRecord, LegacyRecords } from '../mapping/record.ts'
import { type AccountCreator, type Gender, type Population, isLegible } from '../vocabulary.ts'

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
}

/** Which number identifies an account that has several, by kind of account. */
const preference: Readonly<Record<Population, readonly IdentifierType[]>> = {
  citizen: identifierTypes,
  staff: identifierTypes,
  foreigner: ['foreigner_id', 'citizen_id', 'organisation_id'],
  organisation: ['organisation_id', 'citizen_id', 'foreigner_id'],
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
      const value = fields[column]?.trim()
      if (value === undefined || value === '') return undefined
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
    const name = cell('name')?.normalize('NFC')
    const { identifier, cmnd, taxCode, other, malformed } = readNumbers(kind, cell)
    const attests = (fields.attested_at ?? '').trim() !== ''
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
      compare(identifier, birthDate, read.readSex((fields.sex ?? '').trim()), found)
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
    }
  }
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
} as const

const notPast = 'must be a date that is not in the future'
const twoDigits = (given: string) => (/^\d{2}$/.test(given) ? given : undefined)
type Fault = (column: ColumnName, wrong: string) => void
type Cell = (column: ColumnName) => string | undefined

/** Only trimmed, with no Unicode normalisation or case folding: the id is an opaque string of the portal. */
function readAccountId(given: string | undefined, fault: Fault): string | undefined {
  const accountId = given?.trim() ?? ''
  if (accountId === '') fault('account_id', 'is missing')
  else if (accountId.length > 256) fault('account_id', 'must be at most 256 characters')
  else if (!isLegible(accountId)) fault('account_id', 'contains control or text direction characters')
  else return accountId
  return undefined
}

interface Numbers {
  identifier?: Identifier | undefined
  cmnd?: string
  taxCode?: string
  /** All other numbers and papers of the row, with their column names, so that nothing is lost. */
  other?: string
  malformed: boolean
}

function readNumbers(kind: Population, cell: Cell): Numbers {
  const numbers: Numbers = { malformed: false }
  const others: string[] = []
  const misfit = (column: ColumnName, given: string) => {
    numbers.malformed = true
    others.push(`${column} ${given}`)
  }

  const cmnd = cell('cmnd')
  if (cmnd !== undefined) {
    const digits = read.joinDigits(cmnd)
    if (read.isCmnd(digits)) numbers.cmnd = digits
    else misfit('cmnd', cmnd)
  }
  const candidates: Identifier[] = []
  for (const type of preference[kind]) {
    const given = cell(type)
    if (given === undefined) continue
    const digits = type === 'citizen_id' ? read.joinDigits(given) : given
    const identifier = read.readIdentifier(type, digits)
    if (identifier !== undefined) candidates.push(identifier)
    // Older forms had one field for both CCCD and CMND numbers.
    else if (type === 'citizen_id' && read.isCmnd(digits) && (numbers.cmnd ?? digits) === digits)
      numbers.cmnd = digits
    else if (type === 'citizen_id' && read.isCmnd(digits)) others.push(`cmnd ${digits}`)
    else misfit(type, given)
  }
  const taxCode = cell('tax_code')
  if (taxCode !== undefined) {
    if (read.isTaxCode(taxCode)) numbers.taxCode = taxCode
    else misfit('tax_code', taxCode)
  }
  const [chosen, ...rest] = candidates
  numbers.identifier = chosen
  for (const identifier of rest) others.push(`${identifier.type} ${identifier.reveal()}`)
  const paper = cell('other_id')
  if (paper !== undefined) others.push(paper)
  if (others.length > 0) numbers.other = others.join('; ')
  return numbers
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
function isPlaceholderContact({ email = '', phone = '' }: RawRow['fields']): boolean {
  const address = email.trim()
  const number = phone.trim()
  return (
    (address !== '' && read.isPlaceholderEmail(address)) || (number !== '' && read.isPlaceholderPhone(number))
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
