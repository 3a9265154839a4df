/**
 * Splits text into lines. `node:readline` is not used, because it also splits at U+2028 and U+2029, which JSON strings
 * may contain. @param pieces text that may be cut anywhere
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
