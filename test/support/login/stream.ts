/** A continuous stream of sign-ins, while a test changes something. */

export interface Stream<T> {
  /** Results of the sign-ins that succeeded. */
  readonly done: readonly T[]
  readonly failed: readonly unknown[]
  /** Resolves when `count` further sign-ins have begun and ended; all earlier ones have ended then, too. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

/** @param width number of concurrent sign-ins */
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
