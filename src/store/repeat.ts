/**
 * Runs background work periodically, but never twice at the same time, so that a slow store does not get a growing
 * number of queries.
 * @param period milliseconds
 * @param work must not reject
 * @returns stops it, and resolves when the running turn has ended
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
