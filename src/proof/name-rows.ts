/** Names the faulty rows and their faults, from missing covered rows and unexpected present rows. */
import type { AuditRow } from '../store/audit-rows.ts'
import type { Fault, Missing, Present } from './fault.ts'
import { leafOf } from './leaf.ts'

/** Above this number of rows moves are not searched for, because the comparison is quadratic. */
const mostCompared = 300

/** @returns faults ordered by row id */
export function nameRows(
  missing: ReadonlyMap<string, Missing>,
  strange: readonly Present<AuditRow>[],
): Fault[] {
  const faults: Fault[] = []
  const gone = new Map(missing)
  const isFew = missing.size <= mostCompared && strange.length <= mostCompared
  const origins = strange.map(({ row }) => (isFew ? originOf(row, missing) : undefined))
  for (const [index, { row }] of strange.entries()) {
    const was = origins[index]
    if (was === undefined) continue
    gone.delete(was)
    faults.push({ kind: 'row moved', id: row.id, says: `row ${row.id} was covered as row ${was}` })
  }
  for (const [index, { row }] of strange.entries()) {
    if (origins[index] !== undefined) continue
    const { id } = row
    if (gone.delete(id))
      faults.push({ kind: 'row altered', id, says: `row ${id} differs from what was covered` })
    else
      faults.push({ kind: 'row inserted', id, says: `row ${id} did not exist when its id range was covered` })
  }
  for (const [id, { checkpoint }] of gone)
    faults.push({
      kind: 'row removed',
      id,
      checkpoint,
      says: `row ${id} is missing (covered by checkpoint ${checkpoint})`,
    })
  return faults.toSorted((a, b) => (BigInt(a.id!) < BigInt(b.id!) ? -1 : 1))
}

/** The other id under which the same row was covered. */
function originOf(row: AuditRow, missing: ReadonlyMap<string, Missing>): string | undefined {
  for (const [id, { leaf }] of missing) if (id !== row.id && leafOf({ ...row, id }).equals(leaf)) return id
  return undefined
}
