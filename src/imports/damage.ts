/** What spreadsheets, database exports and other programs make of a value before it reaches us. */
import { misreadAs } from './vietnamese-encodings.ts'

/** An empty value as a database or a program writes it. */
const nullWord = /^(?:[(<[]?null[)>\]]?|\\n|none|nan|nat|nil|undefined|n\/a|<na>)$/i
export const isNullWord = (value: string): boolean => value.length <= 9 && nullWord.test(value)

const signs: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [
    /^(?:#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|GETTING_DATA)|#{3,}|Err:\d{3})$/i,
    'is an error value of a spreadsheet; export it again',
  ],
  [
    /^=(?:"[^"]*"|\$?[A-Z]{1,3}\$?\d+|[A-Z][A-Z.]*\(.*\))$/,
    'is a formula of a spreadsheet; export its value',
  ],
  [/^['\u2018\u2019]/, 'begins with the apostrophe of a spreadsheet; export the column as text'],
  [
    /^[+-]?\d+(?:[.,]\d+e[+-]?\d+|e[+-]\d+)$/i,
    'is in scientific notation: a spreadsheet has rounded the number; export the column as text from the source',
  ],
  [/^\d{4,}[.,]0+$/, 'has decimals: a program took it for a quantity; export the column as text'],
  [/&(?:#\d+|#x[\da-f]+|[a-z]{2,8});/i, 'contains HTML entities; export plain text'],
]
/** A fast check that rules out nearly every value. */
const suspect = /^[#='\u2018\u2019E]|\de[+-]?\d|[.,]0+$|&[#a-z]/i

/** What has damaged the value; undefined if nothing has. */
export const damageOf = (value: string): string | undefined =>
  suspect.test(value) ? signs.find(([pattern]) => pattern.test(value))?.[1] : undefined

const lossy = /\p{L}\?+(?:\p{L}| |$)/u
const isLossy = (value: string): boolean =>
  value.includes('\ufffd') || (value.includes('?') && lossy.test(value))

/** What has damaged a text of words. */
export function damageOfText(value: string): string | undefined {
  const damage = damageOf(value)
  if (damage !== undefined) return damage
  if (isLossy(value)) return 'has question marks in place of letters that an export lost; export it in UTF-8'
  const encoding = misreadAs(value)
  return encoding === undefined ? undefined : `is text in ${encoding}; convert the file to UTF-8`
}

/** Why a number of the row is none, in words; undefined if nothing is known. */
export function damageOfNumber(value: string, digits: number): string | undefined {
  const damage = damageOf(value)
  if (damage !== undefined) return damage
  const plain = value.replaceAll(/[ \u00a0.,]/g, '')
  if (!/^\d+$/.test(plain) || plain.length >= digits || plain.length < digits - 3) return undefined
  return `has ${plain.length} digits instead of ${digits}; a spreadsheet may have removed leading zeros`
}
