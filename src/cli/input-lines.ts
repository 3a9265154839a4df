/** What must not stand on a command line, where the shell's history and every `ps` would keep it. */
import { createInterface } from 'node:readline'
import type { Terminal } from './terminal.ts'
import { UsageError } from './told.ts'

/**
 * One line of the standard input for each name; a terminal is asked for them.
 * @throws UsageError when the input ends before
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
