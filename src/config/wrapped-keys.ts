/**
 * Keys of the ring may be given wrapped, by a key that never leaves its KMS or HSM: `wrapped:` and base64. At start
 * each is handed to an `Unwrap`; the one that there is runs a command of the operator's.
 */
import { spawnSync } from 'node:child_process'

/** @returns the clear key; @throws Error that says what went wrong and nothing of what was said */
export type Unwrap = (wrapped: Buffer) => Buffer

const prefix = 'wrapped:'
/** A person may have to touch a token. */
const patience = 60_000

/**
 * The wrapped key is its standard input, the 32 bytes of the clear one its standard output. No shell is in between.
 * @param command a path and fixed arguments, separated by spaces
 * @param environment the command's own
 */
export function unwrapByCommand(
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
): Unwrap {
  const [file = '', ...args] = command.split(/\s+/).filter((word) => word !== '')
  return (wrapped) => {
    const { error, status, signal, stdout } = spawnSync(file, args, {
      input: wrapped,
      env: { ...environment },
      timeout: patience,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024,
      // What it complains of may quote what it was given.
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const { code } = (error ?? {}) as { code?: string }
    if (code === 'ETIMEDOUT') throw new Error(`KEY_COMMAND was not done within ${patience / 1000} seconds`)
    // One that does not read what it is sent may still know its key.
    if (code !== undefined && code !== 'EPIPE') throw new Error(`KEY_COMMAND cannot be run (${code})`)
    if (status !== 0) throw new Error(`KEY_COMMAND ended with ${signal ?? `exit code ${status}`}`)
    if (stdout.length !== 32) throw new Error('KEY_COMMAND did not write the 32 bytes of a key')
    return stdout
  }
}

/**
 * Settings that hold keys, their wrapped entries replaced by clear ones.
 * @returns also what is wrong, by setting: then nothing of it may be used
 */
export function unwrapSettings(
  given: Readonly<Record<string, string>>,
  names: readonly string[],
  unwrap: Unwrap | undefined,
): { values: Record<string, string>; faults: string[] } {
  const values = { ...given }
  const faults: string[] = []
  const clear = (name: string, entry: string): string => {
    const wrapped = entry.slice(prefix.length)
    try {
      if (unwrap === undefined) throw new Error('holds a wrapped key: KEY_COMMAND is required')
      if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(wrapped)) throw new Error('holds a wrapped key that is not base64')
      return unwrap(Buffer.from(wrapped, 'base64')).toString('base64url')
    } catch (error) {
      faults.push(`${name} ${(error as Error).message}`)
      return Buffer.alloc(32).toString('base64url')
    }
  }
  for (const name of names) {
    const text = values[name]
    if (!text?.includes(prefix)) continue
    const entries = text.split(',').map((entry) => entry.trim())
    values[name] = entries.map((entry) => (entry.startsWith(prefix) ? clear(name, entry) : entry)).join(',')
  }
  return { values, faults }
}
