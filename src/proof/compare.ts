/** What the rows of one seal are, compared with what they were when it was made. */
import type { AuditRow } from '../store/audit-rows.ts'
import type { ExportedSeal } from './export-lines.ts'
import type { Fault, Missing, Present } from './fault.ts'
import { unpackIds } from './ids.ts'
import { partOf } from './leaf.ts'
import { rootOf } from './merkle.ts'
import type { SealHeader } from './seal-header.ts'

export interface Compared {
  /** Of the hashes that are kept beside the seal. */
  readonly faults: readonly Fault[]
  /** Parts whose rows and hashes are gone, as retention leaves them. */
  readonly retired: readonly { readonly part: string; readonly rows: number }[]
  /** By id: what was sealed and is not there as it was. */
  readonly missing: ReadonlyMap<string, Missing>
  /** What is there and was not sealed so. */
  readonly strange: readonly Present<AuditRow>[]
}

const size = 32

/** @param rows those that stand between the seal's `from` and `to`, in the order of their ids */
export function compareSeal(
  header: SealHeader,
  kept: ExportedSeal['parts'],
  rows: readonly Present<AuditRow>[],
): Compared {
  const present = Map.groupBy(rows, ({ row }) => partOf(row))
  const [faults, retired]: [Fault[], { part: string; rows: number }[]] = [[], []]
  const sealed = new Map<string, Missing>()
  const doubtful: Present<AuditRow>[] = []
  for (const part of header.parts) {
    const name = `${part.class} ${part.month}`
    const here = present.get(name) ?? []
    present.delete(name)
    const list = kept.find((one) => one.class === part.class && one.month === part.month)
    const told = judgePart(part, list, here)
    if (told.says !== undefined)
      faults.push({
        kind: 'hashes altered',
        seal: header.seal,
        says: `the hashes of ${name} under seal ${header.seal} ${told.says}`,
      })
    if (told.isRetired) retired.push({ part: name, rows: part.rows })
    if (told.isWhole) continue
    doubtful.push(...here)
    for (const [id, leaf] of told.sealed) sealed.set(id, { leaf, seal: header.seal })
  }
  doubtful.push(...[...present.values()].flat())
  const strange = doubtful.filter(({ row, leaf }) => {
    const wanted = sealed.get(row.id)
    const isSame = wanted?.leaf.equals(leaf) === true
    if (isSame) sealed.delete(row.id)
    return !isSame
  })
  return { faults, retired, missing: sealed, strange }
}

function judgePart(
  { rows: count, root }: SealHeader['parts'][number],
  list: ExportedSeal['parts'][number] | undefined,
  here: readonly Present<AuditRow>[],
): { isWhole?: true; isRetired?: true; says?: string; sealed: (readonly [string, Buffer])[] } {
  const { ids, leaves } = list ?? {}
  const isTrue = ids && leaves && leaves.length === count * size && hex(leaves) === root
  if (here.length === count && hex(Buffer.concat(here.map(({ leaf }) => leaf))) === root) {
    // The rows prove themselves; the list beside them only names one that does not.
    const isNamed = isTrue && unpackIds(ids).join() === here.map(({ row }) => row.id).join()
    return { isWhole: true, sealed: [], ...(!isNamed && { says: leaves ? 'were altered' : 'were removed' }) }
  }
  if (isTrue)
    return {
      sealed: unpackIds(ids).map((id, at) => [String(id), leaves.subarray(at * size, (at + 1) * size)]),
    }
  if (!leaves && here.length === 0) return { isRetired: true, sealed: [] }
  return { sealed: [], says: 'do not fit it, and its rows neither' }
}

const hex = (leaves: Buffer) => rootOf(leaves).toString('hex')
