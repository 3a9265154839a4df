/** Caches the result of `load` for `seconds`. Concurrent callers share one attempt; failures are not cached. */
export function remember<T>(load: () => Promise<T>, seconds: number): () => Promise<T> {
  let attempt: Promise<T> | undefined
  let fresh = 0
  const run = async () => {
    try {
      const loaded = await load()
      fresh = performance.now() + seconds * 1000
      return loaded
    } catch (error) {
      attempt = undefined
      throw error
    }
  }
  return () => {
    if (attempt !== undefined && performance.now() < fresh) return attempt
    fresh = Infinity
    attempt = run()
    return attempt
  }
}
