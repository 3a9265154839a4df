/**
 * Keys of the ring may be given wrapped by a key that never leaves its KMS or HSM: `wrapped:` and base64. At start each
 * is unwrapped by an `Unwrap`; the only implementation runs the command in `KEY_COMMAND`.
 */
import { spawnSync } from 'node:child_process'

/** @returns the clear key. @throws Error with the cause, without any input or output */
export type Unwrap = (wrapped: Buffer) => Buffer

const prefix = 'wrapped:'
/** Milliseconds. Long, because a person may have to touch a hardware token. */
const patience = 60_000

/**
 * Runs the command without a shell: the wrapped key is its standard input, the 32-byte clear key its standard output.
 * @param command a path and fixed arguments, separated by spaces
 * @param environment of the command
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
      // Its error output might quote the key.
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const { code } = (error ?? {}) as { code?: string }
    if (code === 'ETIMEDOUT')
      throw new Error(`cannot be unwrapped: KEY_COMMAND did not finish within ${patience / 1000} seconds`)
    // EPIPE is accepted: a command may return the key without reading its input.
    if (code !== undefined && code !== 'EPIPE')
      throw new Error(`cannot be unwrapped: KEY_COMMAND cannot be run (${code})`)
    if (status !== 0)
      throw new Error(`cannot be unwrapped: KEY_COMMAND ended with ${signal ?? `exit code ${status}`}`)
    if (stdout.length !== 32)
      throw new Error('cannot be unwrapped: KEY_COMMAND must write exactly the 32 bytes of a key')
    return stdout
  }
}

/**
 * Replaces the wrapped entries of key settings by clear keys.
 * @returns the values and the faults by setting; if there is a fault, the values must not be used
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
