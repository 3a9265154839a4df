/**
 * One row of a portal's file → what is imported: the account sealed, its keyed hashes, and the classes that can be
 * told from the row alone. Those that need other rows, or what is known already, are the database's to find.
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
  /** Set unless the row has no usable account id */
  readonly accountKey: Buffer | null
  readonly kind: Population
  readonly identifierType: IdentifierType | null
  /** Newest first; none where there is no usable number. */
  readonly identifierKeys: readonly Buffer[]
  /** Of the CMND. */
  readonly hintKeys: readonly Buffer[]
  /** `YYYY-MM-DD` */
  readonly attestedOn: string | null
  readonly createdBy: AccountCreator
  /** `YYYY-MM-DD` */
  readonly lastUsedOn: string | null
  /** Two digits. */
  readonly province: string | null
  /** Of a refused row the account id alone; null where that is what is wrong. */
  readonly sealed: Buffer | null
  /** Equal for a row that says the same again; none for a refused one. */
  readonly digests: readonly Buffer[]
  /** A mask of `mapping/classes.ts` */
  readonly classes: number
  /** Of a refused row: each column at fault and what is wrong, never a value. */
  readonly detail: string | null
}

/** Where an account bears several numbers, the one of its kind is it. */
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
      if (value.length > longest) fault(column, `longer than ${longest} characters`)
      else if (!isLegible(value)) fault(column, 'holds control or text direction characters')
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
    const kind = parsed('kind', read.readKind, 'none of the known words') ?? 'citizen'
    const createdBy = parsed('created_by', read.readCreator, 'none of the known words') ?? 'self'
    const birthDate = parsed('birth_date', (given) => read.readBirth(given, today), 'not a date')
    const attestedOn = parsed('attested_at', (given) => read.readMoment(given, today), notPast)
    const lastUsedOn = parsed('last_used_at', (given) => read.readMoment(given, today), notPast)
    const province = parsed('province', twoDigits, 'not a code of two digits')
    const name = cell('name')?.normalize('NFC')
    const { identifier, cmnd, taxCode, other, malformed } = readNumbers(kind, cell)
    const attests = (fields.attested_at ?? '').trim() !== ''
    if (attests && identifier === undefined) fault('attested_at', 'attests a number that is not there')

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

/** A refused row says who it was about and nothing else. */
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

const notPast = 'not a date, or one to come'
const twoDigits = (given: string) => (/^\d{2}$/.test(given) ? given : undefined)
type Fault = (column: ColumnName, wrong: string) => void
type Cell = (column: ColumnName) => string | undefined

/** Letter by letter, but for what stands around it: it is the portal's own and never composed or folded. */
function readAccountId(given: string | undefined, fault: Fault): string | undefined {
  const accountId = given?.trim() ?? ''
  if (accountId === '') fault('account_id', 'is missing')
  else if (accountId.length > 256) fault('account_id', 'longer than 256 characters')
  else if (!isLegible(accountId)) fault('account_id', 'holds control or text direction characters')
  else return accountId
  return undefined
}

interface Numbers {
  identifier?: Identifier | undefined
  cmnd?: string
  taxCode?: string
  /** Whatever else stood there, with its column's name, so that nothing is lost. */
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
    // Older forms had one box for either paper.
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

/** A re-issued number rightly disagrees, so these only inform. */
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

/** Looked at and left: neither is kept, and neither ever links an account. */
function isPlaceholderContact({ email = '', phone = '' }: RawRow['fields']): boolean {
  const address = email.trim()
  const number = phone.trim()
  return (
    (address !== '' && read.isPlaceholderEmail(address)) || (number !== '' && read.isPlaceholderPhone(number))
  )
}

/** All that is stored of a row, in one order for ever: a new order would make every row look changed. */
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
