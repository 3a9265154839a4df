/** A command of `npm run cli`: on the broker's own database, or a client of the admin API. */
import type { Config } from '../config/config.ts'
import type { Log } from '../telemetry/log.ts'
import type { Database } from '../store/db.ts'
import type { AdminClient } from './client.ts'
import type { OperatorSession } from './session.ts'
import { UsageError } from './told.ts'

interface Print {
  readonly print: (line: string) => void
}
export interface LocalTools extends Print {
  readonly config: Config
  readonly db: Database
  readonly log: Log
}
export interface ClientTools extends Print {
  readonly admin: AdminClient
  /** What assertions for this API are made for. */
  audience(): Promise<string>
}
export interface SessionTools extends Print {
  readonly session: OperatorSession
  /** `ISSUER`, where it is set. */
  readonly issuer: string | undefined
}

type Options = Readonly<Record<string, 'string' | 'boolean'>>
type Values<O extends Options> = { readonly [K in keyof O]?: O[K] extends 'string' ? string : boolean }

interface Shape<Tools, O extends Options> {
  /** What follows the command's name in the usage; a new line begins a second one. */
  readonly call?: string
  /** What it does; as many lines as `call` has. */
  readonly about: string
  readonly options?: O
  run(tools: Tools, args: readonly string[], options: Values<O>): Promise<void>
}

export type Command =
  | ({ readonly on: 'database' } & Shape<LocalTools, Options>)
  | ({ readonly on: 'api' } & Shape<ClientTools, Options>)
  | ({ readonly on: 'issuer' } & Shape<SessionTools, Options>)
/** By the words that call them. */
export type Commands = Readonly<Record<string, Command>>

export const localCommand = <const O extends Options>(command: Shape<LocalTools, O>): Command => ({
  on: 'database',
  ...(command as unknown as Shape<LocalTools, Options>),
})

/** Never opens the database. */
export const clientCommand = <const O extends Options>(command: Shape<ClientTools, O>): Command => ({
  on: 'api',
  ...(command as unknown as Shape<ClientTools, Options>),
})

/** About the person's own sign-in at the issuer. */
export const sessionCommand = <const O extends Options>(command: Shape<SessionTools, O>): Command => ({
  on: 'issuer',
  ...(command as unknown as Shape<SessionTools, Options>),
})

/** @param part 0 to 1 */
export const drawBar = (part: number): string =>
  `${'█'.repeat(Math.floor(part * 20)).padEnd(20, '░')} ${Math.floor(part * 100)}%`

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of a span such as `90s`, `15m`, `24h` or `7d`. @throws UsageError when it is none */
export function secondsIn(span: string, option: string): number {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/.exec(span) ?? []
  if (digits === undefined || unit === undefined)
    throw new UsageError(`${option} is a span such as 7d, 12h or 30m`)
  return Number(digits) * units[unit]!
}

/** @throws UsageError when it is not there */
export function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined || value === '') throw new UsageError(`${what} is missing`)
  return value
}
