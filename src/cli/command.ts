/** A command of `npm run cli`. Its arguments are parsed, and its usage is written, from one declaration. */
import { parseArgs } from 'node:util'
import { UsageError } from './told.ts'
import type { ClientTools, LocalTools, SessionTools } from './tools.ts'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** The placeholder of the value in the usage; `-` means that the value is read from standard input. */
  readonly placeholder?: string
  readonly says: string
  readonly isRequired?: boolean
  readonly default?: string
}
type Options = Readonly<Record<string, Option>>
type NoOptions = Readonly<Record<string, never>>

export const flag = (says: string) => ({ type: 'boolean', says }) as const
export const optional = (placeholder: string, says: string) =>
  ({ type: 'string', placeholder, says }) as const
export const required = (placeholder: string, says: string) =>
  ({ type: 'string', placeholder, says, isRequired: true }) as const
export const withDefault = (placeholder: string, says: string, value: string) =>
  ({ type: 'string', placeholder, says, default: value }) as const

/** The type of an option's value: undefined only if the option is optional. */
type Value<O extends Option> = O extends { type: 'boolean' }
  ? boolean
  : O extends { isRequired: true } | { default: string }
    ? string
    : string | undefined
type Values<O extends Options> = { readonly [K in keyof O]: Value<O[K]> }

interface Description<Arg extends string = string, O extends Options = Options> {
  /** Description, one line. */
  readonly about: string
  /** The arguments in order, each with a description. */
  readonly args?: Readonly<Record<Arg, string>>
  readonly options?: O
  /** Exactly one of these options is required. */
  readonly oneOf?: readonly (keyof O & string)[]
}
interface Declaration<Tools, Arg extends string, O extends Options> extends Description<Arg, O> {
  run(tools: Tools, args: Readonly<Record<Arg, string>>, options: Values<O>): Promise<void>
}
interface Readable<On extends string, Tools> extends Description {
  /** What must be open before it can run. */
  readonly on: On
  /** @throws UsageError if it is called with wrong arguments */
  read(words: readonly string[]): (tools: Tools) => Promise<void>
}
export type Command =
  | Readable<'database', LocalTools>
  | Readable<'api', ClientTools>
  | Readable<'issuer', SessionTools>
/** Commands by name. */
export type Commands = Readonly<Record<string, Command>>
export type ClientCommand = Extract<Command, { on: 'api' }>

const declare =
  <const On extends string, Tools>(on: On) =>
  <const Arg extends string = never, const O extends Options = NoOptions>(
    declaration: Declaration<Tools, Arg, O>,
  ): Readable<On, Tools> => ({
    ...(declaration as Description),
    on,
    read(words) {
      const { args, values } = readWords(declaration, words)
      return (tools) => declaration.run(tools, args as Record<Arg, string>, values as Values<O>)
    },
  })

/** A command that uses the broker's own configuration and database. */
export const localCommand = declare<'database', LocalTools>('database')
/** A command that uses the admin API and never opens the database. */
export const clientCommand = declare<'api', ClientTools>('api')
/** A command for the person's own sign-in at the issuer. */
export const sessionCommand = declare<'issuer', SessionTools>('issuer')

/** Checks all rules of the declaration, so that commands need not check them. */
function readWords({ args = {}, options = {}, oneOf = [] }: Description, words: readonly string[]) {
  const parsed = Object.entries(options).map(
    ([name, { type, default: value = type === 'boolean' ? false : undefined }]) =>
      [name, { type, ...(value !== undefined && { default: value }) }] as const,
  )
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: Object.fromEntries(parsed),
  })
  const names = Object.keys(args)
  const missing = names.find((_, index) => !positionals[index])
  if (missing !== undefined) throw new UsageError(`the ${missing} is missing`)
  if (positionals.length > names.length)
    throw new UsageError(`unexpected argument "${positionals[names.length]}"`)
  for (const [name, { isRequired, placeholder }] of Object.entries(options)) {
    if (isRequired && !values[name]) throw new UsageError(`--${name} is missing`)
    if (placeholder === '-' && ![undefined, '-'].includes(values[name] as string | undefined))
      throw new UsageError(`--${name} must be "-": the value itself is read from the standard input`)
  }
  if (oneOf.length > 0 && oneOf.filter((name) => values[name]).length !== 1)
    throw new UsageError(`give exactly one of ${oneOf.map((name) => `--${name}`).join(', ')}`)
  const given = Object.fromEntries(names.map((name, index) => [name, positionals[index]!]))
  return { args: given, values }
}
