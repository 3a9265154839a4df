/** Closes what a test file opened, from anywhere in its code, because vitest accepts hooks only at the top level. */
const closing: (() => unknown)[] = []

export const atEnd = (close: () => unknown): void => void closing.push(close)

/**
 * Closes in reverse order of opening. One that fails does not leave the others open for the next file of this process.
 * @throws the first failure
 */
export async function closeAll(): Promise<void> {
  const faults: unknown[] = []
  for (const close of closing.splice(0).toReversed()) {
    try {
      await close()
    } catch (error) {
      faults.push(error)
    }
  }
  if (faults.length > 0) throw faults[0]
}
