/** Claims of either dialect → `Identity`. Settings give the claims' names and values; values of another form are refused. */
import { z } from 'zod'
import { Identifier } from '../citizen-id.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { type Gender, type Level, type PersonKind, isLegible } from '../vocabulary.ts'
import type { Identity } from './upstream.ts'

type Settings = Pick<Config['upstream'], 'claims' | 'kinds' | 'levels'>
type ClaimName = keyof Settings['claims']
/** The name of every claim. None is missing, because the configuration fills in defaults. */
type Names = Readonly<Record<ClaimName, string>>
export type Claims = Readonly<Record<string, unknown>>

/** The error for an answer of VNeID that failed a check. `check` names the check and never quotes the answer. */
export const invalidAnswer = (check: string) => new BrokerError('upstream_answer_invalid', check)

/** Codes arrive as `"1"`, `"01"` or `1`, depending on VNeID's release. */
const code = z.union([z.string().min(1).max(64), z.int()]).transform(String)
const text = z
  .string()
  .max(400)
  .transform((given) => given.normalize('NFC').trim())
  .pipe(z.string().max(200).refine(isLegible))
const date = z.union([z.string().max(10), z.int()]).transform(String)
/** Any other value counts as absent, because no policy depends on it. */
const genders = new Map<unknown, Gender>([
  ['male', 'male'],
  ['female', 'female'],
  ['nam', 'male'],
  ['nữ', 'female'],
])

/**
 * @param authenticatedAt seconds since the epoch; a later birth date is refused
 * @throws BrokerError `upstream_answer_invalid`, `identifier_malformed`
 */
export function toIdentity(claims: Claims, authenticatedAt: number, settings: Settings): Identity {
  const { kinds, levels } = settings
  const names = settings.claims as Names
  const value = (claim: ClaimName) => present(claims[names[claim]])
  const read = <T>(claim: ClaimName, schema: z.ZodType<T>): T | undefined => {
    if (value(claim) === undefined) return undefined
    const result = schema.safeParse(value(claim))
    if (!result.success) throw invalidAnswer(`claim ${names[claim]}`)
    return result.data
  }
  const listed = <T>(claim: ClaimName, table: Readonly<Record<string, T>>): T => {
    const entry = read(claim, code)
    const found = entry !== undefined && Object.hasOwn(table, entry) ? table[entry] : undefined
    if (found === undefined) throw invalidAnswer(`claim ${names[claim]} is missing or unknown`)
    return found
  }
  const nameOf = (claim: ClaimName) => {
    const name = read(claim, text)
    return name === undefined || name === '' ? {} : { name }
  }
  const organisation = () => ({
    identifier: Identifier.parse('organisation_id', value('organisationId')),
    ...nameOf('organisationName'),
  })

  const kind = listed<PersonKind>('kind', kinds)
  if (kind === 'organisation') return { kind, ...nameOf('name'), ...organisation(), authenticatedAt }
  const level = listed<Level>('level', levels)
  const identifier = Identifier.parse(
    kind === 'foreigner' ? 'foreigner_id' : 'citizen_id',
    value('citizenId'),
  )
  const given = read('birthDate', date)
  const birthDate = given === undefined ? undefined : readBirthDate(given, authenticatedAt)
  if (given !== undefined && birthDate === undefined) throw invalidAnswer(`claim ${names.birthDate}`)
  const rawGender = value('gender')
  const gender = genders.get(
    typeof rawGender === 'string' ? rawGender.normalize('NFC').toLowerCase() : rawGender,
  )
  return {
    kind,
    identifier,
    level,
    ...nameOf('name'),
    ...(kind === 'representative' && { organisation: organisation() }),
    ...(birthDate !== undefined && { birthDate }),
    ...(gender !== undefined && { gender }),
    authenticatedAt,
  }
}

/** Whether the claims contain all that a login needs, so that userinfo need not be called. */
export function isComplete(claims: Claims, settings: Settings): boolean {
  const names = settings.claims as Names
  const kinds: Readonly<Record<string, PersonKind>> = settings.kinds
  const has = (claim: ClaimName) => present(claims[names[claim]]) !== undefined
  const kind = kinds[String(claims[names.kind])]
  if (kind === 'organisation') return has('organisationId') && (has('organisationName') || has('name'))
  const person = has('kind') && has('level') && has('citizenId') && has('name')
  return person && (kind !== 'representative' || has('organisationId'))
}

/** VNeID sends a missing field as empty, as null or not at all. */
const present = (value: unknown) => (value === null || value === '' ? undefined : value)

/**
 * @param now seconds since the epoch
 * @returns `YYYY-MM-DD` or `YYYY`; undefined if it is not a date, or in the future
 */
export function readBirthDate(given: string, now: number): string | undefined {
  // Vietnam's date may be a day ahead of UTC.
  const today = new Date((now + 86_400) * 1000).toISOString().slice(0, 10)
  const year = /^\d{4}$/.exec(given)?.[0]
  if (year !== undefined) return year >= '1850' && year <= today.slice(0, 4) ? year : undefined
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(given) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(given)
  const local = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(given)
  const iso = parts ? parts.slice(1).join('-') : local?.slice(1).toReversed().join('-')
  if (iso === undefined || iso < '1850' || iso > today) return undefined
  const instant = new Date(`${iso}T00:00:00Z`)
  // 2001-02-30 rolls over to March instead of failing.
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(iso) ? iso : undefined
}
