/** The command line in this process: the same entry as `npm run cli`, with an environment and streams of a test's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { vi } from 'vitest'
import { runCommand } from '../../../src/cli/run.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import type { Environment } from '../../../src/config/settings.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createOperator } from '../../../src/operators/operators.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import type { Role } from '../../../src/vocabulary.ts'
import { atEnd } from '../at-end.ts'
import { openRecord, recordSecrets } from '../record.ts'
import type { World } from '../world.ts'
import { newNumber } from './operators.ts'

export interface Ran {
  /** 0 done, 1 failed, 2 called wrongly. */
  readonly code: number
  readonly out: string
  readonly err: string
}

/** @param input all of the standard input */
export function openTerminal(
  env: Environment = {},
  input = '',
): Terminal & { readonly printed: { out: string; err: string } } {
  const printed = { out: '', err: '' }
  const write = (to: 'out' | 'err') => ({ write: (text: string) => void (printed[to] += text) })
  return { env, stdin: Readable.from([input]), stdout: write('out'), stderr: write('err'), printed }
}

/** A command that runs while the test does something else. */
export function beginCommand(args: readonly string[], env: Environment, input = '') {
  const terminal = openTerminal(env, input)
  const { printed } = terminal
  const ended = runCommand(args, terminal).then((code): Ran => {
    recordSecrets([...printed.out.matchAll(/shown this once: (\S+)/g)].map(([, secret]) => secret))
    if (args.includes('--key') && code === 0) recordSecrets([keyIn(args[args.indexOf('--key') + 1]!)])
    if (printed.err !== '') openRecord('log')(printed.err)
    return { code, ...printed }
  })
  return {
    ended,
    /** Waits until it has printed this. */
    printed: (pattern: RegExp): Promise<RegExpExecArray> =>
      vi.waitFor(
        () => {
          const found = pattern.exec(printed.out)
          if (found === null) throw new Error(`not printed: ${pattern}; but: ${printed.out}${printed.err}`)
          return found
        },
        { timeout: 20_000, interval: 10 },
      ),
  }
}

export const runCommandLine = (args: readonly string[], env: Environment, input?: string): Promise<Ran> =>
  beginCommand(args, env, input).ended

/** The private half in a file that a command has written; a key of the audit has none. */
const keyIn = (file: string): string | undefined =>
  (JSON.parse(readFileSync(file, 'utf8')) as { key?: { d?: string } }).key?.d

/** A new operator, a person with a key in a file. @returns the environment of their commands, as of now */
export async function openOperator(
  world: World,
  id: string,
  roles: readonly Role[],
): Promise<() => Record<string, string>> {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
  const log = createLog({ level: 'silent' })
  await createOperator({ db: world.db, log, actor: 'local' }, { id, roles, key: publicKey, citizen })
  const file = join(openFolder(), `${id}.key`)
  const { audience } = world.config.admin
  writeFileSync(file, JSON.stringify({ operator: id, audience, key: privateKey }), { mode: 0o600 })
  return () => ({ ADMIN_URL: world.adminUrl, OPERATOR_KEY_FILE: file })
}

/** A folder for files that commands read and write, removed at the end of the test file. */
export function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'broker-cli-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  return folder
}
