/** One operation of the admin API: a row of its table. What comes in is parsed here, before the row's `handle`. */
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { parse, readJson } from '../http/input.ts'
import type { Operator, Role } from './operators.ts'

type ParamOf<Path extends string> = Path extends `${infer Head}/${infer Rest}`
  ? ParamOf<Head> | ParamOf<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never

export interface Call<Path extends string = string, Query = unknown, Body = unknown> {
  readonly operator: Operator
  /** The `:names` of the path. */
  readonly params: Readonly<Record<ParamOf<Path>, string>>
  readonly query: Query
  readonly body: Body
  /** Unread where the operation names no body: an upload is a stream. */
  readonly request: IncomingMessage
  readonly reference: string
  /** For answers that are no JSON: set its body and type, and return nothing. */
  readonly ctx: Context
}

interface Shape<Path extends string, Query, Body> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: Path
  /** Who has one of these may. */
  readonly roles: readonly Role[]
  /** A strict object; without it a query is refused. */
  readonly query?: z.ZodType<Query>
  /** A strict object, read as JSON. */
  readonly body?: z.ZodType<Body>
  /** Of an answer with JSON: 200 unless told. An answer without is 204. */
  readonly status?: number
  handle(call: Call<Path, Query, Body>): Promise<unknown>
}
export type Operation = Shape<string, unknown, unknown>

/** Types `call` by the path and the schemas. */
export const operation = <Path extends string, Query = unknown, Body = unknown>(
  row: Shape<Path, Query, Body>,
): Operation => row

export const nameOf = ({ method, path }: Operation): string => `${method} ${path}`

/** Bytes of a JSON body. */
const longestBody = 64 * 1024

export async function parseInput(
  { query = z.strictObject({}), body }: Operation,
  ctx: Context,
  params: Record<string, string>,
): Promise<{ query: unknown; body: unknown }> {
  for (const value of [...Object.values(params), ...Object.values(ctx.query).flat()]) {
    // No such character means anything in an id, and PostgreSQL takes no NUL.
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f]/.test(value ?? '')) throw new BrokerError('input_invalid', 'a control character')
  }
  return {
    query: parse('the query', query, { ...ctx.query }),
    body: body && parse('the body', body, await readJson(ctx, longestBody)),
  }
}
