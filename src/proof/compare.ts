/** Compares the rows of one checkpoint with the state that it covered. */
import type { AuditRow } from '../store/audit-rows.ts'
import type { ExportedCheckpoint } from './export-lines.ts'
import type { Fault, Missing, Present } from './fault.ts'
import { unpackIds } from './ids.ts'
import { partOf } from './leaf.ts'
import { rootOf } from './merkle.ts'
import type { CheckpointHeader } from './checkpoint-header.ts'

export interface Compared {
  /** Faults of the hashes that are stored with the checkpoint. */
  readonly faults: readonly Fault[]
  /** Parts without rows and hashes: retention deleted them. */
  readonly retired: readonly { readonly part: string; readonly rows: number }[]
  /** Covered rows that are missing or altered, by id. */
  readonly missing: ReadonlyMap<string, Missing>
  /** Present rows that were not covered in this form. */
  readonly strange: readonly Present<AuditRow>[]
}

const size = 32

/** @param rows the present rows with `from` < id <= `to`, ordered by id */
export function compareCheckpoint(
  header: CheckpointHeader,
  kept: ExportedCheckpoint['parts'],
  rows: readonly Present<AuditRow>[],
): Compared {
  const present = Map.groupBy(rows, ({ row }) => partOf(row))
  const [faults, retired]: [Fault[], { part: string; rows: number }[]] = [[], []]
  const covered = new Map<string, Missing>()
  const doubtful: Present<AuditRow>[] = []
  for (const part of header.parts) {
    const name = `${part.class} ${part.month}`
    const here = present.get(name) ?? []
    present.delete(name)
    const list = kept.find((one) => one.class === part.class && one.month === part.month)
    const judged = judgePart(part, list, here)
    if (judged.says !== undefined)
      faults.push({
        kind: 'hashes altered',
        checkpoint: header.checkpoint,
        says: `the hashes of ${name} under checkpoint ${header.checkpoint} ${judged.says}`,
      })
    if (judged.isRetired) retired.push({ part: name, rows: part.rows })
    if (judged.isWhole) continue
    doubtful.push(...here)
    for (const [id, leaf] of judged.covered) covered.set(id, { leaf, checkpoint: header.checkpoint })
  }
  doubtful.push(...[...present.values()].flat())
  const strange = doubtful.filter(({ row, leaf }) => {
    const wanted = covered.get(row.id)
    const isSame = wanted?.leaf.equals(leaf) === true
    if (isSame) covered.delete(row.id)
    return !isSame
  })
  return { faults, retired, missing: covered, strange }
}

function judgePart(
  { rows: count, root }: CheckpointHeader['parts'][number],
  list: ExportedCheckpoint['parts'][number] | undefined,
  here: readonly Present<AuditRow>[],
): { isWhole?: true; isRetired?: true; says?: string; covered: (readonly [string, Buffer])[] } {
  const { ids, leaves } = list ?? {}
  const isTrue = ids && leaves && leaves.length === count * size && hex(leaves) === root
  if (here.length === count && hex(Buffer.concat(here.map(({ leaf }) => leaf))) === root) {
    // The rows match the root. The stored hashes are needed only to name a row that does not match.
    const isNamed = isTrue && unpackIds(ids).join() === here.map(({ row }) => row.id).join()
    return { isWhole: true, covered: [], ...(!isNamed && { says: leaves ? 'were altered' : 'were removed' }) }
  }
  if (isTrue)
    return {
      covered: unpackIds(ids).map((id, at) => [String(id), leaves.subarray(at * size, (at + 1) * size)]),
    }
  if (!leaves && here.length === 0) return { isRetired: true, covered: [] }
  return { covered: [], says: 'do not match it, and neither do its rows' }
}

const hex = (leaves: Buffer) => rootOf(leaves).toString('hex')
