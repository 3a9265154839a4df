/** A command of the admin API, with a client of the test's own: its calls are held against the API's description. */
import type { AdminClient } from '../../../src/cli/client.ts'
import type { ClientCommand } from '../../../src/cli/command.ts'
import { commands } from '../../../src/cli/run.ts'
import { openTerminal } from './command-line.ts'

type Options = Readonly<Record<string, string | boolean>>

const wordsOf = (options: Options): string[] =>
  Object.entries(options).flatMap(([name, value]) => {
    if (typeof value === 'string') return [`--${name}`, value]
    return value ? [`--${name}`] : []
  })

/** @param lines collects the printed lines @returns all output */
export async function runAs(
  admin: AdminClient,
  name: string,
  args: readonly string[] = [],
  options: Options = {},
  lines: string[] = [],
): Promise<string> {
  const run = (commands[name] as ClientCommand).read([...args, ...wordsOf(options)])
  const print = (line: string) => void lines.push(line)
  await run({ admin, audience: () => Promise.resolve(''), print, terminal: openTerminal() })
  return lines.join('\n')
}
