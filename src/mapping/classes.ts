/**
 * Classes that the import's checks assign to a legacy account. Stored as one integer, bit n for the n-th name, so names may
 * only be appended. Some make the import refuse a row, some open a case, most only inform.
 */

export const classNames = [
  /** The row has no number of any kind. */
  'missing_number',
  /** Only a CMND (9 digits, no longer valid since 1/1/2025) and no 12-digit number. It helps a search and proves nothing. */
  'cmnd_only',
  /** The number field holds something else. It is kept, sealed, and never searched for. */
  'malformed_number',
  /** The first three digits are not one of the 63 provinces; persons registered abroad have a country code there. */
  'unknown_prefix',
  /** The number's digits encode another birth year or sex. A re-issued number may rightly differ (Decree 70/2024 art. 11). */
  'birth_year_differs',
  'sex_differs',
  /** An earlier line of the file has the same account id. */
  'duplicate_row',
  /** Other accounts of the portal have the same number. One person may own several. */
  'several_accounts',
  /** The account is recorded with another number than the row's. */
  'number_changed',
  /** The number was cancelled and re-issued. */
  'number_cancelled',
  'organisation_account',
  /** Staff use another login, so the account is exempt. */
  'staff_account',
  'officer_created',
  /** A placeholder instead of an e-mail address or telephone number. Contacts are never used to link, and not kept. */
  'placeholder_contact',
  /** The portal did not compare the number with the population database. */
  'not_attested',
  /** A field has no valid value for its column; the row's result names the column. */
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
