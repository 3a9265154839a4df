/** What operators send about accounts and persons, and how much of a number is ever shown to them. */
import { z } from 'zod'
import { type CitizenKeys, Identifier, masked } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { Acts } from '../mapping/acts.ts'
import type { MappingKinds } from '../mapping/kinds.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import type { Database } from '../store/db.ts'

/** What the operations about accounts, cases and persons work with. */
export interface MappingParts {
  readonly db: Database
  readonly log: Log
  readonly citizenKeys: CitizenKeys
  readonly records: LegacyRecords
  readonly acts: Acts
  readonly approvals: Approvals
  readonly kinds: MappingKinds
}

/** Days may be told: `2026-11-21`, `21/11/2026`. */
const day = /(?<!\d)(?:\d{4}-\d\d-\d\d|\d{1,2}\/\d{1,2}\/\d{4})(?!\d)/g

/**
 * An operator's own words. They stand in clear beside what was done, so no identification number, telephone or
 * account number may be among them: nine digits in a row, however they are spaced.
 */
export const words = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .refine(
    (text) => !/\p{Nd}(?:[\s.,_/\\\p{Pd}\p{Cf}]*\p{Nd}){8}/u.test(text.replaceAll(day, ' ')),
    'must not contain identification numbers',
  )

/** Never a foreigner's or an organisation's: their formats are not published. */
export const citizenNumber = z
  .string()
  .regex(/^\d{12}$/, 'must be 12 digits')
  .transform((number) => Identifier.parse('citizen_id', number))

export const clientId = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9._-]+$/, 'must be the id of a portal')

export const accountNumber = z.string().regex(/^[1-9]\d{0,17}$/, 'must be the number of an account here')

/** @throws BrokerError `case_gone`: what is no UUID names nothing, either */
export function uuidOf(param: string): string {
  if (!z.uuid().safeParse(param).success) throw new BrokerError('case_gone')
  return param
}

/** A portal's account id, whose digits may be somebody's number. */
export const maskedAccountId = (accountId: string): string =>
  accountId.replaceAll(/\d{9,}/g, (digits) => masked(digits)!)
