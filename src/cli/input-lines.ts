/** Reads values that must not be command line arguments, because the shell's history and `ps` would show them. */
import { createInterface } from 'node:readline'
import type { Terminal } from './terminal.ts'
import { UsageError } from './told.ts'

/**
 * Reads one line of standard input for each name; on a terminal it prompts for them.
 * @throws UsageError if the input ends too early
 */
export async function readInputLines(
  { stdin, stderr }: Terminal,
  ...names: readonly string[]
): Promise<string[]> {
  const lines: string[] = []
  const ask = () => {
    const name = names[lines.length]
    if (stdin.isTTY && name !== undefined) stderr.write(`${name}: `)
  }
  ask()
  for await (const line of createInterface({ input: stdin })) {
    lines.push(line.trim())
    if (lines.length === names.length) break
    ask()
  }
  const missing = names[lines.length]
  if (missing !== undefined) throw new UsageError(`the ${missing} is expected on the standard input`)
  return lines
}
