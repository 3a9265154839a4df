/** Input of operators about accounts and persons, and the masking of numbers in answers. */
import { z } from 'zod'
import { type CitizenKeys, Identifier, masked } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { numberOf } from '../http/account-id.ts'
import type { Log } from '../telemetry/log.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { Acts } from '../mapping/acts.ts'
import type { MappingKinds } from '../mapping/kinds.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import type { Database } from '../store/db.ts'

/** Dependencies of the operations on accounts, cases and persons. */
export interface MappingParts {
  readonly db: Database
  readonly log: Log
  readonly citizenKeys: CitizenKeys
  readonly records: LegacyRecords
  readonly acts: Acts
  readonly approvals: Approvals
  readonly kinds: MappingKinds
}

/** Dates are allowed: `2026-11-21`, `21/11/2026`. */
const day = /(?<!\d)(?:\d{4}-\d\d-\d\d|\d{1,2}\/\d{1,2}\/\d{4})(?!\d)/g

/**
 * An operator's free text. It is stored in clear text with the act, so it must not contain an identification, telephone
 * or account number: nine or more digits, whatever separators are between them.
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
  .meta({
    description:
      '3 to 500 characters; spaces at the ends do not count. No nine digits in a row, also with separators between them: it is stored in clear text, so it must not contain an identification, telephone or account number. Dates are allowed.',
  })

/** Only citizens' numbers: the formats of foreigners' and organisations' numbers are not published. */
export const citizenNumber = numberOf(12).transform((number) => Identifier.parse('citizen_id', number))

export const clientId = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9._-]+$/, 'must be the id of a portal: 2 to 64 of a-z, 0-9, dot, dash, underscore')

export const accountNumber = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, 'must be the broker’s number of an account, such as 1042')

/** @throws BrokerError `case_gone` if it is not a UUID, as for an unknown id */
export function uuidOf(param: string): string {
  if (!z.uuid().safeParse(param).success) throw new BrokerError('case_gone')
  return param
}

/** A portal's account id, masked where it may contain an identification number. */
export const maskedAccountId = (accountId: string): string =>
  accountId.replaceAll(/\d{9,}/g, (digits) => masked(digits)!)
