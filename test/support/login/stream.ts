/** Citizens who sign in one after the other for as long as a test changes something under them. */

export interface Stream<T> {
  /** What came of those that are done. */
  readonly done: readonly T[]
  readonly failed: readonly unknown[]
  /** Resolves when so many more have begun and ended: whatever stood before is over then. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

/** @param width how many at once */
export function openStream<T>(one: () => Promise<T>, width = 2): Stream<T> {
  const done: T[] = []
  const failed: unknown[] = []
  const over = new AbortController()
  let begun = 0
  const ended = new Set<number>()
  const lanes = Array.from({ length: width }, async () => {
    while (!over.signal.aborted) {
      const mine = begun++
      await one().then(
        (result) => done.push(result),
        (error: unknown) => failed.push(error),
      )
      ended.add(mine)
    }
  })
  return {
    done,
    failed,
    async more(count) {
      const from = begun
      const isThrough = () => Array.from({ length: from + count }, (_, at) => at).every((at) => ended.has(at))
      while (!isThrough()) await new Promise((resolve) => setTimeout(resolve, 10))
    },
    async stop() {
      over.abort()
      await Promise.all(lanes)
    },
  }
}
