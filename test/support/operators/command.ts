/** Runs a command of the admin API in the same way as the command line. */
import type { AdminClient } from '../../../src/cli/client.ts'
import type { ClientCommand } from '../../../src/cli/command.ts'
import { commands } from '../../../src/cli/main.ts'

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
  await run({ admin, audience: () => Promise.resolve(''), print: (line) => void lines.push(line) })
  return lines.join('\n')
}
