/** The differences between two definitions, by field. */
import { isDeepStrictEqual } from 'node:util'

export interface Difference {
  /** Field names joined with dots; a list counts as one value. */
  readonly path: string
  /** The old value; absent if the field is new. `to` is the new value; absent if the field was removed. */
  readonly from?: unknown
  readonly to?: unknown
}

type Fields = Readonly<Record<string, unknown>>

export function differences(before: Fields, after: Fields, within = ''): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return names.flatMap((name) => {
    const [from, to] = [before[name], after[name]]
    const path = within + name
    if (isDeepStrictEqual(from, to)) return []
    const inside =
      isGroup(from ?? {}) && isGroup(to ?? {}) ? differences(fieldsOf(from), fieldsOf(to), `${path}.`) : []
    if (inside.length > 0) return inside
    return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }]
  })
}

const fieldsOf = (group: unknown): Fields => (group ?? {}) as Fields

const isGroup = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
