/**
 * Operator commands: `npm run cli -- COMMAND` (`main.ts`). Most use the admin API. Those that create the database,
 * the first operator and the keys use the broker's own configuration and database. The usage loads the file of every
 * command, so a command imports heavy modules only when it runs.
 */
import { auditCommands } from './audit.ts'
import { clientCommands } from './clients.ts'
import { type Command, type Commands, clientCommand } from './command.ts'
import { approvalCommands } from './approvals.ts'
import { figuresCommands } from './figures.ts'
import { importCommands } from './imports.ts'
import { keyCommands } from './keys.ts'
import { localCommands } from './local.ts'
import { mappingCommands } from './mapping.ts'
import { operatorLocalCommands } from './operators-local.ts'
import { operatorReviewCommands } from './operator-review.ts'
import { operatorCommands, signInCommands } from './operators.ts'
import { progressCommands } from './progress.ts'
import { registryCommands } from './registry.ts'
import { rehomeCommands } from './rehomes.ts'
import { reviewCommands } from './reviews.ts'
import { secretCommands } from './secrets.ts'
import type { Terminal } from './terminal.ts'
import { Told, UsageError } from './told.ts'
import { ConfigError } from '../config/settings.ts'
import { openClientTools, openSessionTools, withDatabase } from './tools.ts'
import { usageOf, usageOfAll } from './usage.ts'

export const commands: Commands = {
  ...localCommands,
  ...keyCommands,
  ...operatorLocalCommands,
  ...signInCommands,
  ...operatorCommands,
  ...operatorReviewCommands,
  ...approvalCommands,
  ...registryCommands,
  ...clientCommands,
  ...secretCommands,
  ...rehomeCommands,
  ...progressCommands,
  ...figuresCommands,
  ...importCommands,
  ...mappingCommands,
  ...reviewCommands,
  api: clientCommand({
    about: 'the admin API’s description, OpenAPI 3.1 as JSON',
    async run({ admin, print }) {
      print(JSON.stringify(await admin.call('GET', '/v1/openapi.json'), null, 2))
    },
  }),
  ...auditCommands,
}

/** Finds the longest command name at the start of the line: `operator review confirm` before `operator review`. */
export const findCommand = (line: string): readonly [name: string, Command] | undefined =>
  Object.entries(commands)
    .toSorted(([one], [other]) => other.length - one.length)
    .find(([name]) => `${line} `.startsWith(`${name} `))

async function run(command: Command, words: readonly string[], terminal: Terminal): Promise<void> {
  if (command.on === 'database') return withDatabase(terminal, command.read(words))
  if (command.on === 'issuer') return command.read(words)(await openSessionTools(terminal))
  return command.read(words)(await openClientTools(terminal))
}

/** @param argv the words of the command line @returns the exit code: 0 done, 1 failed, 2 called wrongly */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const complain = (text: string) => void terminal.stderr.write(`${text}\n`)
  const [name = '', command] = findCommand(argv.join(' ')) ?? []
  const usage = command === undefined ? usageOfAll(commands) : usageOf(name, command)
  try {
    if (argv.some((word) => ['--help', '-h'].includes(word))) {
      terminal.stdout.write(`${usage}\n`)
      return 0
    }
    if (command === undefined) throw new UsageError(argv.length > 0 ? 'there is no such command' : '')
    await run(command, argv.slice(name.split(' ').length), terminal)
    return 0
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    if (error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')) {
      complain(`${message}\n${usage}`.trimStart())
      return 2
    }
    complain(error instanceof Told || error instanceof ConfigError ? message : `failed: ${message}`)
    return 1
  }
}
