/** Rewrites one row under the newest keys: its sealed content and the keyed hashes of that content. */
import type { CitizenKeys, IdentifierType } from '../citizen-id.ts'
import { type ClassName, classMask } from '../mapping/classes.ts'
import { contentOf } from '../imports/row.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import { sealIdLength } from '../crypto/seal.ts'
import type { AccountChange, AccountRow, IdentifierChange, IdentifierRow } from '../store/reseal.ts'

/** Classes that depend on the whole file or on other accounts, and are not part of an account's digest. */
const comparedClasses: readonly ClassName[] = [
  'duplicate_row',
  'several_accounts',
  'number_cancelled',
  'number_changed',
]

const isUnder = (keyId: Buffer, sealed: Buffer): boolean => sealed.subarray(0, sealIdLength).equals(keyId)

/** @returns undefined where there is nothing to change */
export function rewriteIdentifier(
  row: IdentifierRow,
  citizenKeys: CitizenKeys,
  keyId: Buffer,
): IdentifierChange | undefined {
  const { id, type, sealed, keys } = row
  const number = citizenKeys.open(type as IdentifierType, sealed)
  const wanted = citizenKeys.keys(number)
  const isFound =
    keys.length === 0 ||
    (keys.length === wanted.length && wanted.every((key) => keys.some((known) => known.equals(key))))
  if (isUnder(keyId, sealed) && isFound) return undefined
  return {
    id,
    type,
    was: sealed,
    sealed: isUnder(keyId, sealed) ? sealed : citizenKeys.seal(number),
    keys: wanted,
  }
}

/** @returns undefined where there is nothing to change */
export function rewriteAccount(
  row: AccountRow,
  records: LegacyRecords,
  keyId: Buffer,
): AccountChange | undefined {
  const { id, sealed, accountKey } = row
  const record = records.open(accountKey, sealed)
  const { identifier, cmnd } = record
  const change: AccountChange = {
    id,
    was: sealed,
    sealed: isUnder(keyId, sealed) ? sealed : records.seal(accountKey, record),
    identifierKey:
      row.identifierKey && ((identifier && records.numberKeys(identifier)[0]) ?? row.identifierKey),
    hintKey: row.hintKey && ((cmnd === undefined ? undefined : records.cmndKeys(cmnd)[0]) ?? row.hintKey),
    digest: newestDigest(row, records.digests(contentOf(record, contentRow(row)))),
  }
  const isSame =
    change.sealed === sealed &&
    (change.identifierKey === null || change.identifierKey.equals(row.identifierKey!)) &&
    (change.hintKey === null || change.hintKey.equals(row.hintKey!)) &&
    change.digest.equals(row.digest)
  return isSame ? undefined : change
}

/** A digest that matches no content (an operator's decision changed the account) is kept as it is. */
const newestDigest = ({ digest }: AccountRow, candidates: readonly Buffer[]): Buffer =>
  candidates.some((candidate) => candidate.equals(digest)) ? candidates[0]! : digest

const contentRow = ({ kind, attestedOn, createdBy, lastUsedOn, province, classes }: AccountRow) => ({
  kind,
  attestedOn,
  createdBy,
  lastUsedOn,
  province: province === '' ? null : province,
  classes: classes & ~classMask(comparedClasses),
})
