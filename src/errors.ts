/**
 * Everything that can go wrong, in one table. `throw new BrokerError(code)` anywhere; the boundary
 * (`http/boundary.ts`) logs it once and answers. The citizen's sentence for each code is in
 * `pages/vi-errors.ts` and `pages/en-errors.ts`.
 */
import { type ErrorEntry, apiTable, citizenTable } from './error-table.ts'

/** Codes with a page, and so with sentences in `pages/vi-errors.ts` and `pages/en-errors.ts`. */
export type CitizenErrorCode = keyof typeof citizenTable
export type ErrorCode = CitizenErrorCode | keyof typeof apiTable

export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = { ...citizenTable, ...apiTable }
export const isForCitizens = (code: ErrorCode): code is CitizenErrorCode => code in citizenTable

/** What is wrong with one field of a request. Never contains the field's value. */
export interface InputFault {
  /** Field names joined by dots, such as `contact.email`; empty for the whole body or query. */
  readonly path: string
  readonly message: string
}

/** A failure with a code of the table. `detail` goes into the log and to the portal's developer; it never contains personal data or a secret. */
export class BrokerError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly faults: readonly InputFault[] | undefined

  constructor(
    code: ErrorCode,
    detail?: string,
    options?: { cause?: unknown; faults?: readonly InputFault[] },
  ) {
    super(detail === undefined ? code : `${code}: ${detail}`, options)
    this.name = 'BrokerError'
    this.code = code
    this.detail = detail
    this.faults = options?.faults
  }

  /** Read by the engine and by Koa. */
  get statusCode(): number {
    return errorTable[this.code].status
  }
}
