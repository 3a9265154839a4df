/** The seals one after another: none missing, none exchanged, each signed by a known key. */
import type { KeyObject } from 'node:crypto'
import type { ExportedSeal } from './export-lines.ts'
import type { Fault } from './fault.ts'
import { type SealHeader, hashOfSeal, isSignedBy, nothingBefore, readHeader } from './seal-header.ts'

export interface SealMark {
  readonly seal: number
  readonly hash: string
}

export interface Chain {
  /** @returns undefined when it cannot be read */
  take(seal: ExportedSeal): SealHeader | undefined
  /** Up to which id rows have their seals. */
  covered(): string | undefined
  head(): (SealMark & { readonly at: string }) | undefined
  /** After the last. */
  end(): void
}

/**
 * @param isWhole whether the first seal of all is expected at the beginning
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
  expected: SealMark | undefined
  fault: (found: Fault) => void
}): Chain {
  let next = isWhole ? { seal: 1, previous: nothingBefore, from: '0' } : undefined
  let head: (SealMark & { at: string }) | undefined
  let isExpectedSeen = false

  function checkSignature(header: SealHeader, { number, header: text, signature }: ExportedSeal): void {
    const { seal } = header
    const key = keys.get(header.key)
    if (key === undefined)
      fault({
        kind: 'seal not ours',
        seal,
        says: `seal ${seal} is signed by ${header.key}, which is none of the keys`,
      })
    else if (!isSignedBy(text, signature, key) || String(seal) !== number)
      fault({ kind: 'seal altered', seal, says: `seal ${number} is not what was signed` })
  }

  function checkPlace({ seal, previous, from }: SealHeader): void {
    if (next === undefined) return
    if (seal < next.seal) fault({ kind: 'seal altered', seal, says: `seal ${seal} is not in its place` })
    else if (seal > next.seal) {
      const which = seal === next.seal + 1 ? `seal ${next.seal} is` : `seals ${next.seal} to ${seal - 1} are`
      fault({ kind: 'seal removed', seal: next.seal, says: `${which} not there` })
    } else if (previous !== next.previous || from !== next.from)
      fault({ kind: 'seal altered', seal, says: `seal ${seal} does not follow seal ${next.seal - 1}` })
  }

  return {
    take(exported) {
      const header = readHeader(exported.header)
      if (header === undefined) {
        const { number } = exported
        fault({ kind: 'seal altered', seal: Number(number), says: `seal ${number} cannot be read` })
        return undefined
      }
      checkSignature(header, exported)
      checkPlace(header)
      const { seal, at, to } = header
      const hash = hashOfSeal(exported.header)
      if (expected?.seal === seal) {
        isExpectedSeen = true
        if (expected.hash !== hash)
          fault({ kind: 'seal altered', seal, says: `seal ${seal} is not the one that was kept` })
      }
      head = { seal, hash, at }
      next = { seal: seal + 1, previous: hash, from: to }
      return header
    },
    covered: () => next?.from,
    head: () => head,
    end() {
      const last = head?.seal ?? 0
      if (expected === undefined || isExpectedSeen || (!isWhole && last >= expected.seal)) return
      const { seal } = expected
      fault({ kind: 'log cut off', seal, says: `the log ends with seal ${last}; seal ${seal} was there` })
    },
  }
}
