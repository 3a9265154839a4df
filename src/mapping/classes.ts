/**
 * What cleaning finds about a legacy account. Stored as one integer, bit n for the n-th name: append only.
 * Some stand in the way of a row (`refused`), some call a person in (`review`), most only inform.
 */

export const classNames = [
  /** No number of any kind. */
  'missing_number',
  /** A CMND (9 digits, ended 1/1/2025) and no 12-digit number: a hint, never a proof. */
  'cmnd_only',
  /** Something stands where a number should, and is none; kept, sealed, and never searched for. */
  'malformed_number',
  /** The first three digits name no province of the 63; a country code for those registered abroad. */
  'unknown_prefix',
  /** The number's digits say otherwise; a re-issued number rightly may (Decree 70/2024 art. 11). */
  'birth_year_differs',
  'sex_differs',
  /** The same account id stands on an earlier line of the file. */
  'duplicate_row',
  /** Other accounts of the portal bear the same number: one person may own several. */
  'several_accounts',
  /** The account is known here with another number than the row's. */
  'number_changed',
  /** The number was cancelled and re-issued. */
  'number_cancelled',
  'organisation_account',
  /** Staff stay on another login: exempt. */
  'staff_account',
  'officer_created',
  /** An e-mail address or telephone number that nobody owns. Never used to link, nor kept. */
  'placeholder_contact',
  /** A number that nobody compared with the population database. */
  'not_attested',
  /** A field that cannot be what its column says; the row's result names the column. */
  'invalid_field',
] as const
export type ClassName = (typeof classNames)[number]

const bits = new Map(classNames.map((name, index) => [name, 1 << index]))

export const classMask = (names: Iterable<ClassName>): number => {
  let mask = 0
  for (const name of names) mask |= bits.get(name)!
  return mask
}

export const classesOf = (mask: number): ClassName[] =>
  classNames.filter((_, index) => (mask & (1 << index)) !== 0)
