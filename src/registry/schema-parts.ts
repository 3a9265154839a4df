/**
 * What definitions are made of. A message of ours says what is wrong and, after a semicolon, what to do about it; a
 * value has one fault at most, so that one mistake is told once.
 */
import { z } from 'zod'
import { vietnamDate } from '../vietnam-date.ts'
import { parseNetworks } from '../net/outgoing.ts'
import { isLoopback } from '../vocabulary.ts'

/** @param faultOf the first fault of the text, undefined when it has none */
const text = (faultOf: (text: string) => string | undefined) =>
  z.string().superRefine((value, context) => {
    const message = faultOf(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

/** Somebody's words of that many characters. */
export const words = (least: number, most: number) =>
  text((value) =>
    value.trim().length < least || value.length > most || /\p{Cc}/u.test(value)
      ? `is not ${least} to ${most} characters in one line; write it in words`
      : undefined,
  )

export const matching = (pattern: RegExp, message: string) =>
  text((value) => (pattern.test(value) ? undefined : message))

export const isHttps = (given: string): boolean => {
  const url = URL.parse(given)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
}
export const notHttps = 'is not https; write https (http only on loopback)'

function addressFault(given: string): string | undefined {
  const url = URL.parse(given)
  if (url === null) return 'is no absolute address; write it whole, such as https://portal.gov.vn/callback'
  if (given.includes('*')) return 'has a wildcard; write each address out'
  if (url.username !== '' || url.password !== '') return 'holds a user or password; take it out'
  return undefined
}

export const httpsUrl = text((given) => addressFault(given) ?? (isHttps(given) ? undefined : notHttps))

/** Whether it must be https depends on the kind of application. */
export const redirectUri = text((given) => {
  if (given.includes('#')) return 'has a fragment; take the # and what follows out'
  if (/^(javascript|vbscript|data|blob|file|about):/i.test(given))
    return 'is no address of a portal; write an https address'
  return addressFault(given)
})

export const network = text((given) => {
  try {
    parseNetworks([given])
    return undefined
  } catch {
    return 'is no network; write one such as 10.1.0.0/16'
  }
})

const dayFault = (given: string) =>
  z.iso.date().safeParse(given).success ? undefined : 'is no day; write it such as 2026-03-31'
export const day = text(dayFault)
export const pastDay = text(
  (given) =>
    dayFault(given) ??
    (given > vietnamDate(Date.now())
      ? 'lies in the future; write the day on which it was signed'
      : undefined),
)

export const email = text((given) =>
  z.email().safeParse(given).success
    ? undefined
    : 'is no e-mail address; write one such as desk@portal.gov.vn',
)
