/** The known name that is most similar to a mistyped one; undefined when none is similar enough. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  const wanted = given.toLowerCase().slice(0, 60)
  let best: { name: string; steps: number } | undefined
  for (const name of known) {
    const steps = distance(wanted, name.toLowerCase())
    if (steps <= Math.max(1, Math.floor(name.length / 3)) && steps < (best?.steps ?? Infinity))
      best = { name, steps }
  }
  return best?.name
}

/** Levenshtein distance. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [line, letter] of one.split('').entries()) {
    const next = [line + 1]
    for (let at = 1; at <= other.length; at++)
      next.push(Math.min(row[at]! + 1, next[at - 1]! + 1, row[at - 1]! + (letter === other[at - 1] ? 0 : 1)))
    row = next
  }
  return row[other.length]!
}
