/**
 * Operator commands: `npm run cli -- COMMAND`. Most are clients of the admin API; those that make the database,
 * the first operator and the keys run on the broker's own configuration and database.
 */
import { parseArgs } from 'node:util'
import { auditCommands } from './audit.ts'
import { clientCommands } from './clients.ts'
import { apiCommands } from '../admin/api-commands.ts'
import { createAdminClient } from './client.ts'
import { type Command, type Commands } from './command.ts'
import { Told, UsageError } from './told.ts'
import { figuresCommands } from './figures.ts'
import { importCommands } from './imports.ts'
import { keyCommands } from './keys.ts'
import { localCommands } from './local.ts'
import { mappingCommands } from './mapping.ts'
import { decisionCommands } from './decisions.ts'
import { operatorCommands, signInCommands } from './operators.ts'
import { operatorLocalCommands } from './operators-local.ts'
import { operatorReviewCommands } from './operator-review.ts'
import { createOperatorSession } from './session.ts'
import { progressCommands } from './progress.ts'
import { registryCommands } from './registry.ts'
import { rehomeCommands } from './rehomes.ts'
import { reviewCommands } from './reviews.ts'
import { secretCommands } from './secrets.ts'
import { loadClientConfig, loadConfig } from '../config/config.ts'
import { createLog } from '../telemetry/log.ts'
import { ConfigError } from '../config/settings.ts'
import { openDatabase } from '../store/db.ts'

export const commands: Commands = {
  ...localCommands,
  ...keyCommands,
  ...operatorLocalCommands,
  ...signInCommands,
  ...operatorCommands,
  ...operatorReviewCommands,
  ...decisionCommands,
  ...registryCommands,
  ...clientCommands,
  ...secretCommands,
  ...rehomeCommands,
  ...progressCommands,
  ...figuresCommands,
  ...importCommands,
  ...mappingCommands,
  ...reviewCommands,
  ...apiCommands,
  ...auditCommands,
}

const usage = `usage: npm run cli -- COMMAND

on the broker's own database; the configuration comes from the environment, as for the broker (docs/operate.md):
${linesOf('database')}

at ISSUER, for a person without a key:
${linesOf('issuer')}

on the admin API at ADMIN_URL (http://127.0.0.1:3002), as the operator whose key is in OPERATOR_KEY_FILE, or who has
signed in:
${linesOf('api')}
`

function linesOf(on: Command['on']): string {
  const lines = Object.entries(commands)
    .filter(([, command]) => command.on === on)
    .flatMap(([name, { call = '', about }]) => {
      const abouts = about.split('\n')
      return call
        .split('\n')
        .map((part, index) => [`${index === 0 ? name : ' '.repeat(name.length)} ${part}`, abouts[index]])
    })
  return lines.map(([left = '', right]) => `  ${left.padEnd(36)} ${right}`).join('\n')
}

async function run(command: Command, args: string[]): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`)
  const options = Object.fromEntries(
    Object.entries(command.options ?? {}).map(([name, type]) => [name, { type }] as const),
  )
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options })
  const given = values as Record<string, never>
  if (command.on === 'api') {
    const { url, operatorKey, sessionFile } = loadClientConfig()
    const session = createOperatorSession(sessionFile)
    const audience = async () => operatorKey?.audience ?? `${await session.issuer()}/admin`
    const admin =
      operatorKey === undefined
        ? createAdminClient({ url, token: session.token })
        : createAdminClient({ url, operatorId: operatorKey.operator, ...operatorKey })
    return command.run({ admin, audience, print }, positionals, given)
  }
  if (command.on === 'issuer') {
    const { issuer, sessionFile } = loadClientConfig()
    return command.run({ session: createOperatorSession(sessionFile), issuer, print }, positionals, given)
  }
  const config = loadConfig()
  const log = createLog({ level: config.logLevel, destination: process.stderr })
  const db = await openDatabase(config.database)
  try {
    return await command.run({ config, db, log, print }, positionals, given)
  } finally {
    await db.close()
  }
}

/** @returns the exit code: 0 done, 1 failed, 2 called wrongly */
export async function runCli(argv: readonly string[]): Promise<number> {
  const complain = (text: string) => void process.stderr.write(`${text}\n`)
  try {
    const name = Object.keys(commands).find((words) => `${argv.join(' ')} `.startsWith(`${words} `))
    const isAsking = argv.some((word) => ['--help', '-h'].includes(word))
    if (isAsking || name === undefined)
      throw new UsageError(argv.length > 0 && !isAsking ? 'no such command' : '')
    await run(commands[name]!, argv.slice(name.split(' ').length))
    return 0
  } catch (error) {
    if (error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) {
      complain(`${(error as Error).message}\n${usage}`.trimStart())
      return 2
    }
    if (error instanceof ConfigError || error instanceof Told) complain(error.message)
    else complain(`failed: ${(error as Error).message}`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2))
