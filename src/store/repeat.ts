/**
 * Asks a store again and again in the background, and never twice at once: a slow store must not be asked one more
 * question every second.
 * @param period milliseconds
 * @param work does not fail
 * @returns ends it: resolves when the turn under way is over
 */
export function repeat(period: number, work: () => Promise<unknown>): () => Promise<void> {
  let running: Promise<unknown> | undefined
  const timer = setInterval(() => {
    running ??= work().finally(() => (running = undefined))
  }, period).unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
