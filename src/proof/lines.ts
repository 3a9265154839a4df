/**
 * Not by `node:readline`, which also ends a line at U+2028 and U+2029; JSON may hold both within a string.
 * @param pieces text that may end anywhere within a line @returns the lines of it
 */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
