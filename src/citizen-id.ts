/**
 * Identification numbers: the only module that handles them in clear text. Elsewhere a number is an `Identifier`,
 * which prints as `[redacted]`, or its keyed hash.
 */
import { inspect } from 'node:util'
import { BrokerError } from './errors.ts'
import { createKeyedHash } from './crypto/keyed-hash.ts'
import type { Seal } from './crypto/seal.ts'
import type { Gender } from './vocabulary.ts'

/**
 * - `citizen_id`: số định danh cá nhân, 12 digits `PPP G YY RRRRRR` (Law on Identification 2023 art. 12)
 * - `foreigner_id`, `organisation_id`: formats in VNeID are not published; letters, digits and `-`
 */
export const identifierTypes = ['citizen_id', 'foreigner_id', 'organisation_id'] as const
export type IdentifierType = (typeof identifierTypes)[number]

const patterns: Readonly<Record<IdentifierType, RegExp>> = {
  citizen_id: /^\d{12}$/,
  foreigner_id: /^[0-9A-Z-]{6,20}$/,
  organisation_id: /^[0-9A-Z-]{8,20}$/,
}

/** `000000000000`, `------`, `UNKNOWN`: what other systems write where they have no number. It must never be a subject. */
const isPlaceholder = (value: string): boolean => {
  const content = value.replaceAll('-', '')
  return !/\d/.test(content) || /^(.)\1*$/.test(content)
}

export class Identifier {
  readonly type: IdentifierType
  readonly #value: string

  private constructor(type: IdentifierType, value: string) {
    this.type = type
    this.#value = value
  }

  /** Accepts only the exact format and no placeholder; never trims or pads. @throws BrokerError `identifier_malformed` */
  static parse(type: IdentifierType, value: unknown): Identifier {
    if (typeof value !== 'string' || !patterns[type].test(value) || isPlaceholder(value)) {
      throw new BrokerError('identifier_malformed', `not a well-formed ${type}`)
    }
    return new Identifier(type, value)
  }

  /** The raw number. Use it only for a released claim, a seal or a keyed hash. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return `Identifier(${this.type} [redacted])`
  }
}

export interface CitizenKeys {
  /** Keyed hashes under every index key, newest key first; 32 bytes each. */
  keys(identifier: Identifier): Buffer[]
  seal(identifier: Identifier): Buffer
  open(type: IdentifierType, sealed: Buffer): Identifier
}

/** @param indexKeys HMAC-SHA-256 keys, 32 bytes each, newest first; searches and new rows use all of them */
export function createCitizenKeys({
  indexKeys,
  seal,
}: {
  indexKeys: readonly Buffer[]
  seal: Seal
}): CitizenKeys {
  const ring = indexKeys.map((key) => createKeyedHash(key))
  return {
    keys: (identifier) => ring.map((keyed) => keyed(`${identifier.type}\0${identifier.reveal()}`)),
    seal: (identifier) => seal.seal(identifier.reveal(), identifier.type),
    open: (type, sealed) => Identifier.parse(type, seal.open(sealed, type)),
  }
}

/** Masks a number to its last three digits, for display. */
export const masked = (number: string | undefined): string | null =>
  number === undefined ? null : `${'*'.repeat(Math.max(number.length - 3, 0))}${number.slice(-3)}`

/**
 * Compares birth year and sex in the digits with VNeID's values. A re-issued number may legitimately differ
 * (Decree 70/2024 art. 11), so a mismatch is only a warning.
 */
export function disagreements(
  identifier: Identifier,
  person: { birthDate?: string | undefined; gender?: Gender | undefined },
): ('birth_year' | 'sex')[] {
  if (identifier.type !== 'citizen_id') return []
  const digits = identifier.reveal()
  const centuryAndSex = Number(digits[3])
  const year = 1900 + 100 * Math.floor(centuryAndSex / 2) + Number(digits.slice(4, 6))
  const found: ('birth_year' | 'sex')[] = []
  if (person.birthDate !== undefined && Number(person.birthDate.slice(0, 4)) !== year)
    found.push('birth_year')
  if (person.gender !== undefined && person.gender !== (centuryAndSex % 2 === 0 ? 'male' : 'female'))
    found.push('sex')
  return found
}
