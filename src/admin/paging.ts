/** Lists come in pages: `?after=<next of the page before>&limit=`, answered with `next` and `more`. */
import { z } from 'zod'

const told = 'must be 1 to 1000'
export const limit = z.coerce.number(told).int(told).min(1, told).max(1000, told).default(100)

/** Of a list in the order of the rows' own numbers. */
export const numberCursor = z.string().regex(/^\d{1,18}$/, 'is no cursor')

/** Ends every list's answer. */
export const pageEnd = {
  /** Goes on here, now or later; null: there is nothing yet. */
  next: z.string().nullable(),
  more: z.boolean(),
}

/** As JSON carries it. */
export type Page<Name extends string, Item> = Readonly<Record<Name, readonly Item[]>> & {
  readonly next: string | null
  readonly more: boolean
}

/** @param rows one more than `limit`, if there are */
export function pageOf<Row>(
  rows: readonly Row[],
  { limit: longest, after }: { limit: number; after: string | undefined },
  cursorOf: (row: Row) => string,
): { rows: readonly Row[]; end: { next: string | null; more: boolean } } {
  const shown = rows.slice(0, longest)
  const last = shown.at(-1)
  return {
    rows: shown,
    end: { next: last === undefined ? (after ?? null) : cursorOf(last), more: rows.length > longest },
  }
}

/** Of a list in the order of time: a moment to the microsecond, as the row's `at` tells it, and the row's UUID. */
export const momentCursor = z.string().transform((text, ctx) => {
  const [at = '', id = ''] = text.split('_')
  if (z.iso.datetime().safeParse(at).success && z.uuid().safeParse(id).success) return { at, id, text }
  ctx.addIssue({ code: 'custom', message: 'must be the `next` of a page' })
  return z.NEVER
})
export const momentCursorOf = ({ at, id }: { readonly at: string; readonly id: string }): string =>
  `${at}_${id}`
