/** Cleans a row of a portal's file and opens the result. */
import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { createCitizenKeys } from '../../../src/citizen-id.ts'
import { classesOf } from '../../../src/mapping/classes.ts'
import type { RawRow } from '../../../src/imports/file.ts'
import { createRowCleaner } from '../../../src/imports/row.ts'
import { createLegacyRecords } from '../../../src/mapping/record.ts'
import { createSeal } from '../../../src/crypto/seal.ts'

const index = [randomBytes(32), randomBytes(32)]
const seal = [randomBytes(32)]
export const citizenKeys = createCitizenKeys({ indexKeys: index, seal: createSeal(seal, 'citizen id') })
export const records = createLegacyRecords({ citizenKeys, keys: { index, seal, pairwise: randomBytes(32) } })
export const clean = createRowCleaner({ records, clientId: 'portal', today: '2026-10-01' })

export type Fields = RawRow['fields']
export const an: Fields = { account_id: 'an', citizen_id: '001085999901', attested_at: '2024-05-01' }
/** The cleaned row with its opened record, for comparison. */
export function read(fields: Fields) {
  const row = clean({ line: 7, fields: { account_id: 'an', ...fields } })
  const record = row.sealed && row.accountKey && records.open(row.accountKey, row.sealed)
  return { ...row, classes: classesOf(row.classes), record, number: record?.identifier?.reveal() }
}
export const refusal = (fields: Fields) => {
  const { outcome, classes, detail } = read(fields)
  expect(outcome).toBe('refused')
  expect(classes).toEqual(['invalid_field'])
  return detail
}
