/**
 * Schemas of the values in definitions. A message says what is wrong and, after a semicolon, what to do. A value has at
 * most one fault, so that a mistake is reported once.
 */
import { z } from 'zod'
import { vietnamDate } from '../vietnam-date.ts'
import { parseNetworks } from '../net/outgoing.ts'
import { isLegible, isLoopback } from '../vocabulary.ts'

/**
 * @param faultOf returns the first fault of the text, undefined when it has none
 * @param described the same rule in JSON Schema, and in words what JSON Schema cannot say
 */
const text = (faultOf: (text: string) => string | undefined, described: Described) =>
  z
    .string()
    .superRefine((value, context) => {
      const message = faultOf(value)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .meta({ ...described })

interface Described {
  readonly description?: string
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
}

/** A single line of text with `least` to `most` characters. */
export const words = (least: number, most: number) =>
  text(
    (value) =>
      value.trim().length < least || value.length > most || /\p{Cc}/u.test(value)
        ? `must be ${least} to ${most} characters in one line; rewrite it`
        : isLegible(value)
          ? undefined
          : 'contains text direction or private characters; remove them',
    { minLength: least, maxLength: most, description: 'One line of text; spaces at its ends do not count.' },
  )

export const matching = (pattern: RegExp, message: string) =>
  text((value) => (pattern.test(value) ? undefined : message), { pattern: pattern.source })

export const isHttps = (given: string): boolean => {
  const url = URL.parse(given)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
}
export const notHttps = 'is not https; write https (http only on loopback)'

function addressFault(given: string): string | undefined {
  const url = URL.parse(given)
  if (url === null) return 'is not an absolute URL; write one such as https://portal.gov.vn/callback'
  if (given.includes('*')) return 'has a wildcard; list each URL'
  if (url.username !== '' || url.password !== '') return 'contains a user or password; remove it'
  return undefined
}

export const httpsUrl = text((given) => addressFault(given) ?? (isHttps(given) ? undefined : notHttps), {
  format: 'uri',
  description: 'An absolute https URL (http only on loopback), without wildcard, user or password.',
})

/** Whether it must be https depends on `application_type`: see `rules.ts`. */
export const redirectUri = text(
  (given) => {
    if (given.includes('#')) return 'has a fragment; remove the # and everything after it'
    if (/^(javascript|vbscript|data|blob|file|about):/i.test(given))
      return 'has a scheme that is not allowed; write an https URL'
    return addressFault(given)
  },
  {
    format: 'uri',
    description:
      'An absolute URL without fragment, wildcard, user or password. A web application needs https (http only on loopback).',
  },
)

export const network = text(
  (given) => {
    try {
      parseNetworks([given])
      return undefined
    } catch {
      return 'is not a network; write one such as 10.1.0.0/16'
    }
  },
  { description: 'A network in CIDR notation, such as 10.1.0.0/16.' },
)

const dayFault = (given: string) =>
  z.iso.date().safeParse(given).success ? undefined : 'is not a date; write one such as 2026-03-31'
export const day = text(dayFault, { format: 'date' })
export const pastDay = text(
  (given) =>
    dayFault(given) ??
    (given > vietnamDate(Date.now()) ? 'is in the future; write the date of signature' : undefined),
  { format: 'date', description: 'A date that is not in the future.' },
)

export const email = text(
  (given) =>
    z.email().safeParse(given).success
      ? undefined
      : 'is not an e-mail address; write one such as desk@portal.gov.vn',
  { format: 'email' },
)
