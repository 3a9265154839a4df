/** Verifies the chain of checkpoints: complete, in order, unchanged, each signed by a known key. */
import type { KeyObject } from 'node:crypto'
import type { ExportedCheckpoint } from './export-lines.ts'
import type { Fault } from './fault.ts'
import {
  type CheckpointHeader,
  hashOfCheckpoint,
  isSignedBy,
  nothingBefore,
  readHeader,
} from './checkpoint-header.ts'

export interface CheckpointMark {
  readonly checkpoint: number
  readonly hash: string
}

export interface Chain {
  /** @returns the header, undefined when it cannot be parsed */
  take(checkpoint: ExportedCheckpoint): CheckpointHeader | undefined
  /** The last row id that is under a checkpoint so far. */
  covered(): string | undefined
  head(): (CheckpointMark & { readonly at: string }) | undefined
  /** Call after the last checkpoint. */
  end(): void
}

/**
 * @param isWhole whether the chain must begin with checkpoint 1
 * @param expected a checkpoint that must be in the chain, from an earlier verification
 */
export function createChain({
  keys,
  isWhole,
  expected,
  fault,
}: {
  keys: ReadonlyMap<string, KeyObject>
  isWhole: boolean
  expected: CheckpointMark | undefined
  fault: (found: Fault) => void
}): Chain {
  let next = isWhole ? { checkpoint: 1, previous: nothingBefore, from: '0' } : undefined
  let head: (CheckpointMark & { at: string }) | undefined
  let isExpectedSeen = false

  function checkSignature(
    header: CheckpointHeader,
    { number, header: text, signature }: ExportedCheckpoint,
  ): void {
    const { checkpoint } = header
    const key = keys.get(header.key)
    if (key === undefined)
      fault({
        kind: 'checkpoint not ours',
        checkpoint,
        says: `checkpoint ${checkpoint} is signed by ${header.key}, which is not one of the known keys`,
      })
    else if (!isSignedBy(text, signature, key) || String(checkpoint) !== number)
      fault({
        kind: 'checkpoint altered',
        checkpoint,
        says: `the signature of checkpoint ${number} does not fit`,
      })
  }

  function checkPlace({ checkpoint, previous, from }: CheckpointHeader): void {
    if (next === undefined) return
    if (checkpoint < next.checkpoint)
      fault({ kind: 'checkpoint altered', checkpoint, says: `checkpoint ${checkpoint} is out of order` })
    else if (checkpoint > next.checkpoint) {
      const which =
        checkpoint === next.checkpoint + 1
          ? `checkpoint ${next.checkpoint} is`
          : `checkpoints ${next.checkpoint} to ${checkpoint - 1} are`
      fault({ kind: 'checkpoint removed', checkpoint: next.checkpoint, says: `${which} missing` })
    } else if (previous !== next.previous || from !== next.from)
      fault({
        kind: 'checkpoint altered',
        checkpoint,
        says: `checkpoint ${checkpoint} does not follow checkpoint ${next.checkpoint - 1}`,
      })
  }

  return {
    take(exported) {
      const header = readHeader(exported.header)
      if (header === undefined) {
        const { number } = exported
        fault({
          kind: 'checkpoint altered',
          checkpoint: Number(number),
          says: `checkpoint ${number} cannot be parsed`,
        })
        return undefined
      }
      checkSignature(header, exported)
      checkPlace(header)
      const { checkpoint, at, to } = header
      const hash = hashOfCheckpoint(exported.header)
      if (expected?.checkpoint === checkpoint) {
        isExpectedSeen = true
        if (expected.hash !== hash)
          fault({
            kind: 'checkpoint altered',
            checkpoint,
            says: `checkpoint ${checkpoint} differs from the expected one`,
          })
      }
      head = { checkpoint, hash, at }
      next = { checkpoint: checkpoint + 1, previous: hash, from: to }
      return header
    },
    covered: () => next?.from,
    head: () => head,
    end() {
      const last = head?.checkpoint ?? 0
      if (expected === undefined || isExpectedSeen || (!isWhole && last >= expected.checkpoint)) return
      const { checkpoint } = expected
      fault({
        kind: 'log cut off',
        checkpoint,
        says: `the log ends with checkpoint ${last}, but checkpoint ${checkpoint} is expected`,
      })
    },
  }
}
