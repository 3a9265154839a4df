/** What a test file opens is closed when it ends, wherever it was opened: vitest hears hooks at the top level only. */
const closing: (() => unknown)[] = []

export const atEnd = (close: () => unknown): void => void closing.push(close)

/** The last opened is closed first. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close()
}
