/** Operator commands: `npm run cli -- COMMAND`. They run on the broker's own configuration and database. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { unreached } from './http/operations.ts'
import { type Log, createLog } from './log.ts'
import type { ClientMetadata } from './oidc/clients.ts'
import { ensureSigningKey, generateSigningKey, signingAlgorithms } from './oidc/keys.ts'
import { DefinitionError, registerClients } from './oidc/register.ts'
import { createSeal } from './seal.ts'
import { listClients } from './store/clients.ts'
import { type Database, openDatabase } from './store/db.ts'
import { migrate } from './store/migrate.ts'
import { openState } from './store/open-state.ts'
import { openUpstream } from './upstream/open.ts'

const usage = `usage: npm run cli -- COMMAND

  migrate                       bring the database to this release
  config check                  read the configuration, reach the stores and VNeID
  client apply FILE             register the portals of a JSON file: all of them or none
  client list                   the registered portals
  keys generate [--alg ALG]     a new signing key: ${signingAlgorithms.join(', ')} (ES256);
                [--if-missing]  only if there is none of that algorithm

The configuration comes from the environment, as for the broker itself (docs/operate.md).
`

class UsageError extends Error {}

interface Tools {
  readonly config: Config
  readonly db: Database
  readonly log: Log
  readonly print: (line: string) => void
}

interface Options {
  readonly alg?: string | undefined
  readonly 'if-missing'?: boolean | undefined
}

const commands: Record<string, (tools: Tools, args: string[], options: Options) => Promise<void>> = {
  async migrate({ db, print }) {
    const applied = await migrate(db)
    print(applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'))
  },

  async 'config check'({ config, db, print }) {
    const state = openState(config.state)
    const upstream = openUpstream(config.upstream)
    const missing = await unreached({
      database: () => db.ping(),
      state: () => state.ping(),
      upstream: () => upstream.ready(),
    })
    await state.close()
    if (missing.length > 0) throw new Error(`not reached: ${missing.join(', ')}`)
    print('the configuration is complete; database, state and upstream answer')
  },

  async 'client apply'({ db, log, print }, [file]) {
    if (file === undefined) throw new UsageError('client apply needs a file')
    const content = parseJson(file, await readFile(file, 'utf8'))
    for (const { id, outcome, secret } of await registerClients(
      { db, log, actor: 'operator' },
      Array.isArray(content) ? (content as unknown[]) : [content],
    )) {
      print(`${outcome.padEnd(9)} ${id}`)
      if (secret !== undefined) print(`          client_secret, shown this once: ${secret}`)
    }
  },

  async 'client list'({ db, print }) {
    for (const { id, metadata } of await listClients(db)) {
      const {
        client_name: name,
        token_endpoint_auth_method: method,
        policy,
      } = metadata as unknown as ClientMetadata
      print(
        `${id.padEnd(32)} ${method.padEnd(20)} level ${policy.minimum_level}  ${policy.kinds.join(',')}  ${name}`,
      )
    }
  },

  async 'keys generate'({ config, db, log, print }, _args, { alg = 'ES256', 'if-missing': ifMissing }) {
    const known = signingAlgorithms.find((name) => name === alg)
    if (known === undefined) throw new UsageError(`--alg is one of ${signingAlgorithms.join(', ')}`)
    const tools = { db, seal: createSeal(config.keys.seal, 'signing key'), log }
    const kid = ifMissing ? await ensureSigningKey(tools, known) : await generateSigningKey(tools, known)
    print(
      kid === undefined
        ? `there is a ${known} key`
        : `generated ${known} key ${kid}; it is published from a node's next start, and signs from the first start an hour later`,
    )
  },
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new UsageError(`${file} is not JSON`, { cause })
  }
}

/** @returns the exit code: 0 done, 1 failed, 2 called wrongly */
export async function runCli(argv: readonly string[]): Promise<number> {
  const complain = (text: string) => void process.stderr.write(`${text}\n`)
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        alg: { type: 'string' },
        'if-missing': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    const name = Object.keys(commands).find((command) =>
      `${positionals.join(' ')} `.startsWith(`${command} `),
    )
    if (values.help || name === undefined)
      throw new UsageError(positionals.length > 0 && !values.help ? 'no such command' : '')
    const config = loadConfig()
    const log = createLog({ level: config.logLevel, destination: process.stderr })
    const db = await openDatabase(config.database)
    try {
      const tools = { config, db, log, print: (line: string) => void process.stdout.write(`${line}\n`) }
      await commands[name]!(tools, positionals.slice(name.split(' ').length), values)
    } finally {
      await db.close()
    }
    return 0
  } catch (error) {
    if (error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) {
      complain(`${(error as Error).message}\n${usage}`.trimStart())
      return 2
    }
    if (error instanceof ConfigError || error instanceof DefinitionError) complain(error.message)
    else complain(`failed: ${(error as Error).message}`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2))
