/** Which of a row's numbers identifies the account. No number is guessed: what is malformed is kept as it stands. */
import { type Identifier, type IdentifierType, identifierTypes } from '../citizen-id.ts'
import type { ColumnName } from './columns.ts'
import { damageOfNumber } from './damage.ts'
import * as read from './values.ts'
import { type Population, faultOfId } from '../vocabulary.ts'

/** Which number identifies an account that has several, by kind of account. */
const preference: Readonly<Record<Population, readonly IdentifierType[]>> = {
  citizen: identifierTypes,
  staff: identifierTypes,
  foreigner: ['foreigner_id', 'citizen_id', 'organisation_id'],
  organisation: ['organisation_id', 'citizen_id', 'foreigner_id'],
}

type Cell = (column: ColumnName) => string | undefined

interface Numbers {
  identifier?: Identifier | undefined
  cmnd?: string
  taxCode?: string
  /** All other numbers and papers of the row, with their column names, so that nothing is lost. */
  other?: string
  /** Why a number is malformed. */
  notes: string[]
  malformed: boolean
}

/** How many digits the number of a column has. */
const lengths: Partial<Record<ColumnName, number>> = { citizen_id: 12, cmnd: 9, tax_code: 10 }

/** @param words reads a text of words */
export function readNumbers(kind: Population, cell: Cell, words: Cell): Numbers {
  const numbers: Numbers = { malformed: false, notes: [] }
  const others: string[] = []
  const misfit = (column: ColumnName, given: string) => {
    numbers.malformed = true
    const wrong = faultOfId(given) ?? damageOfNumber(given, lengths[column] ?? 0)
    if (wrong !== undefined) numbers.notes.push(`${column}: ${wrong}`)
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
  const paper = words('other_id')
  if (paper !== undefined) others.push(paper)
  if (others.length > 0) numbers.other = others.join('; ')
  return numbers
}
