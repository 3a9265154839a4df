/** Parses spans of time that operators type. */
import { UsageError } from './told.ts'

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of a span such as `90s`, `15m`, `24h` or `7d`. @throws UsageError if it is not one */
export function secondsIn(span: string, option: string): number {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/.exec(span) ?? []
  if (digits === undefined || unit === undefined)
    throw new UsageError(`${option} must be a span such as 7d, 12h or 30m`)
  return Number(digits) * units[unit]!
}
