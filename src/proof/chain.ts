/** The checkpoints one after another: none missing, none exchanged, each signed by a known key. */
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
  /** @returns undefined when it cannot be read */
  take(checkpoint: ExportedCheckpoint): CheckpointHeader | undefined
  /** Up to which id rows have their checkpoints. */
  covered(): string | undefined
  head(): (CheckpointMark & { readonly at: string }) | undefined
  /** After the last. */
  end(): void
}

/**
 * @param isWhole whether the first checkpoint of all is expected at the beginning
 * @param expected one that is known to have been there
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
        says: `checkpoint ${checkpoint} is signed by ${header.key}, which is none of the keys`,
      })
    else if (!isSignedBy(text, signature, key) || String(checkpoint) !== number)
      fault({ kind: 'checkpoint altered', checkpoint, says: `checkpoint ${number} is not what was signed` })
  }

  function checkPlace({ checkpoint, previous, from }: CheckpointHeader): void {
    if (next === undefined) return
    if (checkpoint < next.checkpoint)
      fault({ kind: 'checkpoint altered', checkpoint, says: `checkpoint ${checkpoint} is not in its place` })
    else if (checkpoint > next.checkpoint) {
      const which =
        checkpoint === next.checkpoint + 1
          ? `checkpoint ${next.checkpoint} is`
          : `checkpoints ${next.checkpoint} to ${checkpoint - 1} are`
      fault({ kind: 'checkpoint removed', checkpoint: next.checkpoint, says: `${which} not there` })
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
          says: `checkpoint ${number} cannot be read`,
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
            says: `checkpoint ${checkpoint} is not the one that was kept`,
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
        says: `the log ends with checkpoint ${last}; checkpoint ${checkpoint} was there`,
      })
    },
  }
}
