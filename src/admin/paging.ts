/** Paging of lists: `?after=<next of the previous page>&limit=`; the answer has `next` and `more`. */
import { z } from 'zod'

const range = 'must be an integer from 1 to 1000'
/** In a query. */
export const limit = z
  .string(range)
  .regex(/^([1-9]\d{0,2}|1000)$/, range)
  .transform(Number)
  .default(100)
  .meta({ override: { type: 'integer', minimum: 1, maximum: 1000, default: 100, pattern: undefined } })
export const limitInBody = z.int(range).min(1, range).max(1000, range).default(100)

/** Cursor of a list that is ordered by row number. */
export const numberCursor = z.string().regex(/^\d{1,18}$/, 'must be the `next` of a page')

/** The last fields of every list's answer. */
export const pageEnd = {
  /** The `after` of the next page, now or when rows are added. Null: the list is empty. */
  next: z.string().nullable(),
  more: z.boolean(),
}

/** The JSON form of a page. */
export type Page<Name extends string, Item> = Readonly<Record<Name, readonly Item[]>> & {
  readonly next: string | null
  readonly more: boolean
}

/** @param rows up to `limit` + 1 rows; the extra row shows that there is another page */
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

const momentAndUuid =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z_[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/
/** Cursor of a list that is ordered by time: the row's `at` to the microsecond, `_`, and its UUID. */
export const momentCursor = z
  .string()
  .meta({ pattern: momentAndUuid.source, description: 'The `next` of a page.' })
  .transform((text, ctx) => {
    const [at = '', id = ''] = text.split('_')
    if (z.iso.datetime().safeParse(at).success && z.uuid().safeParse(id).success) return { at, id, text }
    ctx.addIssue({ code: 'custom', message: 'must be the `next` of a page' })
    return z.NEVER
  })
export const momentCursorOf = ({ at, id }: { readonly at: string; readonly id: string }): string =>
  `${at}_${id}`
