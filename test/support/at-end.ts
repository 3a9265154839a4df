/** Closes what a test file opened, from anywhere in its code, because vitest accepts hooks only at the top level. */
const closing: (() => unknown)[] = []

export const atEnd = (close: () => unknown): void => void closing.push(close)

/** Closes in reverse order of opening. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close()
}
