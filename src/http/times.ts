/** Days and moments in requests. Years are bounded to those that PostgreSQL and a JavaScript `Date` both know. */
import { z } from 'zod'

const years = 'must be in the years 1900 to 2999'
const isNear = (at: Date): boolean => at.getUTCFullYear() >= 1900 && at.getUTCFullYear() <= 2999

/** `YYYY-MM-DD` */
export const day = z.iso
  .date('must be a date such as 2026-03-31')
  .refine((text) => isNear(new Date(text)), years)
  .meta({ description: 'A date in the years 1900 to 2999.' })

const dateTime = z.iso.datetime({
  offset: true,
  error: 'must be a date-time with an offset, such as 2027-03-31T00:00:00+07:00',
})
const dateOf = (text: string): Date => new Date(text)

/** Every moment takes `Z` or an offset. */
export const moment = dateTime
  .meta({ description: 'A date-time with `Z` or an offset, in the years 1900 to 2999.' })
  .transform(dateOf)
  .refine(isNear, years)

/** A date is its first moment in UTC. */
export const momentOrDay = z
  .union(
    [z.iso.date(), dateTime],
    'must be a date, or a date-time with an offset, such as 2027-03-31T00:00:00+07:00',
  )
  .meta({ description: 'A date (from 00:00 UTC), or a date-time with `Z` or an offset; years 1900 to 2999.' })
  .transform(dateOf)
  .refine(isNear, years)
