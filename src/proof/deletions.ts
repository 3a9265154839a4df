/** Checks deletions by retention: for each deleted partition there must be an event, which is never deleted. */
import { z } from 'zod'
import type { AuditRow } from '../store/audit-rows.ts'
import type { Fault } from './fault.ts'

export interface Deletion {
  readonly id: string
  /** Class and month: `login 2026-03`. */
  readonly part: string
  readonly rows: number
  /** When it was recorded: the checkpoint's time, or the row's own if it has no checkpoint yet. */
  readonly at: string
}

const detail = z.object({ class: z.string(), month: z.string().regex(/^\d{4}-\d\d$/), rows: z.int() })

/** The shortest retention that `AUDIT_RETENTION` accepts: the broker itself never deletes earlier. */
const leastDays = 365

export function readDeletion(row: AuditRow, coveredAt: string | undefined): Deletion | undefined {
  try {
    const { class: of, month, rows } = detail.parse(JSON.parse(row.detail))
    return { id: row.id, part: `${of} ${month}`, rows, at: coveredAt ?? row.at }
  } catch {
    return undefined
  }
}

/** @param retired number of covered rows that are gone, by partition */
export function checkDeletions(
  retired: ReadonlyMap<string, number>,
  deletions: readonly Deletion[],
  isWhole: boolean,
): { faults: Fault[]; notes: string[]; used: Deletion[] } {
  const faults: Fault[] = []
  const notes: string[] = []
  const used: Deletion[] = []
  for (const [part, rows] of retired) {
    const records = deletions.filter((one) => one.part === part)
    const [record] = records
    if (record === undefined) {
      const says = `${rows} rows of ${part} are missing`
      if (isWhole)
        faults.push({ kind: 'deletion not recorded', says: `${says}, and no event records their deletion` })
      else notes.push(`${says}; verify the whole log to see whether an event records their deletion`)
      continue
    }
    used.push(...records)
    const { id } = record
    const recorded = records.reduce((sum, one) => sum + one.rows, 0)
    const wrong =
      Date.parse(record.at) < endOf(part) + leastDays * 86_400_000
        ? `event ${id} records a deletion before the end of retention`
        : isWhole && recorded !== rows && `event ${id} records the deletion of ${recorded}`
    if (wrong)
      faults.push({
        kind: 'deletion not recorded',
        id,
        says: `${rows} rows of ${part} are missing; ${wrong}`,
      })
  }
  return { faults, notes, used }
}

function endOf(part: string): number {
  const [year = 0, month = 0] = part.slice(-7).split('-').map(Number)
  return Date.UTC(year, month, 1)
}
