/** Schemas of setting values, used by `config.ts`. */
import { z } from 'zod'
import { parseNetworks } from '../net/networks.ts'
import { isLoopback } from '../vocabulary.ts'

export const key = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 random bytes in base64url (43 characters)')
  .transform((text) => Buffer.from(text, 'base64url'))
export const keyList = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .pipe(z.array(key).min(1))
export const seconds = z.coerce.number().int().positive()
export const port = z.coerce.number().int().min(0).max(65535)
export const networks = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .refine((list) => {
    try {
      return parseNetworks(list) !== undefined
    } catch {
      return false
    }
  }, 'must be networks such as 10.0.0.0/8, separated by commas')
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
export const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' })
        return z.NEVER
      }
    })
    .pipe(schema)
/** Splits `NAME=VALUE` with a percent-encoded value, the format of OTEL_EXPORTER_OTLP_HEADERS. */
export const splitPair = (pair: string): [string, string] => {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))]
}
export const safeUrl = z.url().refine((text) => {
  const url = URL.parse(text)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
}, 'must be https (http only on loopback)')
