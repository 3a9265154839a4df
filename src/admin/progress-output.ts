/** How the admin API shows the progress of the mapping; the values come from `mapping/progress.ts`. */
import { z } from 'zod'
import { classNames } from '../mapping/classes.ts'
import { type Population, accountStates, linkMethods, populations } from '../vocabulary.ts'

const count = z.int()
const tally = z
  .strictObject({
    accounts: count,
    states: z.record(z.enum(accountStates), count),
    classes: z.record(z.enum(classNames), count),
    links: z.record(z.enum(linkMethods), count),
  })
  .meta({ id: 'Tally' })
const ofAll = { all: tally }
const ofKinds = Object.fromEntries(populations.map((kind) => [kind, tally.optional()])) as Record<
  Population,
  z.ZodOptional<typeof tally>
>
const kinds = z.strictObject({ ...ofAll, ...ofKinds }).meta({ id: 'Tallies' })

const lock = z
  .strictObject({
    phase: z.string(),
    locked_from: z.iso.date().optional(),
    days_left: count.optional(),
  })
  .meta({ id: 'Lock' })
const locks = z.strictObject({ citizen: lock, organisation: lock, foreigner: lock })

export const progressAnswer = z
  .strictObject({
    at: z.iso.datetime(),
    lock: locks,
    total: kinds,
    portals: z.array(z.strictObject({ client: z.string(), name: z.string(), lock: locks, kinds })),
    provinces: z.array(z.strictObject({ province: z.string(), kinds })),
    trend: z.array(
      z.strictObject({
        day: z.iso.date(),
        new_linked: count,
        new_accounts: count,
        linked: count,
        accounts: count,
      }),
    ),
  })
  .meta({ id: 'Progress' })
