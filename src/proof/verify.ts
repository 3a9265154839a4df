/** Verifies an export of the audit against its checkpoints. It needs only the export and the public keys. */
import type { KeyObject } from 'node:crypto'
import { keptForEver } from '../audit.ts'
import type { AuditRow } from '../store/audit-rows.ts'
import { type Chain, type CheckpointMark, createChain } from './chain.ts'
import { compareCheckpoint } from './compare.ts'
import { type Deletion, checkDeletions, readDeletion } from './deletions.ts'
import { type ExportLine, type ExportedCheckpoint, parseLine } from './export-lines.ts'
import type { Fault, Missing, Present } from './fault.ts'
import { leafOf } from './leaf.ts'
import { nameRows } from './name-rows.ts'
import { type CheckpointHeader, readPublicKeys } from './checkpoint-header.ts'

export interface Verdict {
  /** Faults of checkpoints in order, then of rows by id; at most a thousand of each. */
  readonly faults: readonly Fault[]
  readonly rows: number
  readonly checkpoints: number
  /** Whether the export begins with the first checkpoint. */
  readonly whole: boolean
  /** The last checkpoint. If it is kept and passed as `expected` later, a truncated log is detected. */
  readonly head: (CheckpointMark & { readonly at: string }) | undefined
  readonly uncovered: { readonly rows: number; readonly since: string | undefined }
  /** The recorded deletions by retention. */
  readonly deletions: readonly Deletion[]
  readonly notes: readonly string[]
}

export interface VerifyOptions {
  /** Undefined: the keys in the export itself, which proves less. */
  readonly keys?: ReadonlyMap<string, KeyObject> | undefined
  /** A checkpoint from an earlier verification that must be in the log. */
  readonly expected?: CheckpointMark | undefined
}

const most = 1_000

export async function verifyAudit(
  lines: AsyncIterable<string>,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const verifier = createVerifier(options)
  let number = 0
  for await (const line of lines) {
    number++
    if (line === '') continue
    let parsed: ExportLine
    try {
      parsed = parseLine(line)
    } catch {
      verifier.fault({ kind: 'export broken', says: `line ${number} is not a line of an export` })
      continue
    }
    verifier.take(parsed)
  }
  return verifier.end()
}

function createVerifier({ keys, expected }: VerifyOptions) {
  const faults: Fault[] = []
  const fault = (found: Fault) => void (faults.length < most && faults.push(found))
  const missing = new Map<string, Missing>()
  const strange: Present<AuditRow>[] = []
  const retired = new Map<string, number>()
  const deletions: Deletion[] = []
  const beyond = createBeyond()
  let chain: Chain | undefined
  let current:
    | { header: CheckpointHeader; parts: ExportedCheckpoint['parts']; rows: Present<AuditRow>[] }
    | undefined
  /** Rows between two checkpoints that belong to neither: reported as one fault. */
  let stray: { first: string; rows: number } | undefined
  let [rows, checkpoints, isWhole, isEnded] = [0, 0, false, false]

  function begin(head: Extract<ExportLine, { audit: object }>['audit']): void {
    isWhole = head.whole
    chain = createChain({ keys: keys ?? readPublicKeys({ keys: head.keys }), isWhole, expected, fault })
  }

  function settle(): void {
    if (current === undefined) return
    const { header, parts, rows: present } = current
    const compared = compareCheckpoint(header, parts, present)
    compared.faults.forEach(fault)
    for (const [id, what] of compared.missing) if (missing.size < most) missing.set(id, what)
    strange.push(...compared.strange.slice(0, most - strange.length))
    for (const { part, rows: count } of compared.retired) retired.set(part, (retired.get(part) ?? 0) + count)
    for (const { row } of present) noteDeletion(row, header.at)
    current = undefined
  }

  function settleStray(): void {
    if (stray === undefined) return
    const { first: id, rows: count } = stray
    const says =
      count === 1 ? `row ${id} is under no checkpoint` : `${count} rows from ${id} on are under no checkpoint`
    fault({ kind: 'row inserted', id, says })
    stray = undefined
  }

  function takeRow(row: AuditRow): void {
    rows++
    const id = BigInt(row.id)
    if (current !== undefined && id > BigInt(current.header.to)) settle()
    const covered = chain?.covered()
    if (current !== undefined && id > BigInt(current.header.from)) {
      settleStray()
      current.rows.push({ row, leaf: leafOf(row) })
    } else if (covered !== undefined && id <= BigInt(covered)) {
      stray = { first: stray?.first ?? row.id, rows: (stray?.rows ?? 0) + 1 }
    } else {
      beyond.take(row)
      noteDeletion(row, undefined)
    }
  }

  function noteDeletion(row: AuditRow, coveredAt: string | undefined): void {
    if (row.event !== 'audit.retired' || row.class !== keptForEver) return
    const deletion = readDeletion(row, coveredAt)
    if (deletion !== undefined) deletions.push(deletion)
  }

  function takeCheckpoint(checkpoint: ExportedCheckpoint): void {
    settle()
    checkpoints++
    const header = chain?.take(checkpoint)
    current = header && { header, parts: checkpoint.parts, rows: [] }
  }

  function takeEnd(end: Extract<ExportLine, { end: object }>['end']): void {
    settle()
    settleStray()
    isEnded = true
    if (end.rows !== rows || end.checkpoints !== checkpoints)
      fault({ kind: 'export broken', says: 'the number of lines differs from the number in the end line' })
    beyond.check(end.position).forEach(fault)
  }

  return {
    fault,
    take(line: ExportLine): void {
      if ('row' in line) takeRow(line.row)
      else if ('checkpoint' in line) takeCheckpoint(line.checkpoint)
      else if ('end' in line) takeEnd(line.end)
      else begin(line.audit)
    },
    end(): Verdict {
      settle()
      settleStray()
      if (!isEnded) fault({ kind: 'export broken', says: 'the export has no end line: it was cut off' })
      if (chain === undefined) fault({ kind: 'export broken', says: 'the export has no head line' })
      chain?.end()
      const checked = checkDeletions(retired, deletions, isWhole)
      checked.faults.forEach(fault)
      return {
        faults: [...faults, ...nameRows(missing, strange)],
        rows,
        checkpoints,
        whole: isWhole,
        head: chain?.head(),
        uncovered: beyond.uncovered(),
        deletions: checked.used,
        notes: checked.notes,
      }
    },
  }
}

/** Rows after the last checkpoint: not covered yet, unless their id was never assigned. */
function createBeyond() {
  let [rows, since]: [number, string | undefined] = [0, undefined]
  const last: string[] = []
  return {
    take({ id, at }: AuditRow): void {
      rows++
      if (since === undefined || at < since) since = at
      if (last.push(id) > most) last.shift()
    },
    /** @param position the last assigned id */
    check: (position: string): Fault[] =>
      last
        .filter((id) => BigInt(id) > BigInt(position))
        .map((id) => ({ kind: 'row inserted', id, says: `row ${id} has an id that was never assigned` })),
    uncovered: () => ({ rows, since }),
  }
}
