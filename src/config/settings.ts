/**
 * Reads settings by name. Each may also be given as `NAME_FILE`, the path of a file with the value. All faults are
 * reported at once, by name and without values.
 */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { inOurWords } from './issue-sentence.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(`configuration:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** @throws ConfigError naming every missing or wrong setting */
export function readSettings<T extends z.ZodObject>(
  settings: T,
  environment: Environment,
  /** Rules between settings, on the raw values. */
  crossFaults: (given: Readonly<Record<string, string>>) => string[] = () => [],
  /** Transforms the raw values before the schema parses them. */
  prepare: (given: Record<string, string>) => { values: Record<string, string>; faults: string[] } = (
    given,
  ) => ({
    values: given,
    faults: [],
  }),
): z.output<T> {
  const raw: Record<string, string> = {}
  const faults: string[] = []
  for (const name of Object.keys(settings.shape)) {
    const direct = environment[name]
    const file = environment[`${name}_FILE`]
    if (direct !== undefined && direct !== '') raw[name] = direct
    else if (file !== undefined && file !== '') {
      try {
        raw[name] = readFileSync(file, 'utf8').trim()
      } catch {
        faults.push(`${name}_FILE cannot be read: check the path and its permissions`)
        raw[name] = ''
      }
    }
  }
  const { values, faults: unprepared } = prepare(raw)
  faults.push(...unprepared, ...crossFaults(values))
  const result = settings.safeParse(values, inOurWords)
  if (!result.success) {
    for (const issue of result.error.issues) {
      const name = String(issue.path[0])
      const missing = values[name] === undefined && issue.code !== 'custom'
      // Within a JSON setting, the path continues. The entries of a list are not numbered.
      const place = issue.path.filter((part) => typeof part === 'string').join('.')
      faults.push(missing ? `${name} is required` : `${place} ${issue.message}`)
    }
  }
  if (faults.length > 0 || !result.success) throw new ConfigError([...new Set(faults)])
  return result.data
}

export type DeepReadonly<T> = T extends Buffer
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
