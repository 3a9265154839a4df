/** One operation of the admin API: a row of its table. Input is parsed here, before `handle` is called. */
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { z } from 'zod'
import { BrokerError, type ErrorCode } from '../errors.ts'
import { parse, readJson } from '../http/input.ts'
import type { Operator } from '../operators/operator.ts'
import type { Role } from '../vocabulary.ts'

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
  /** Not yet read if the operation has no `body` schema: an upload is a stream. */
  readonly request: IncomingMessage
  readonly reference: string
  /** Of a `conditional` operation: the version in `If-Match`, without quotes. */
  readonly ifMatch: string | undefined
  /** For answers that are not JSON: set the body and type here, and return nothing. */
  readonly ctx: Context
}

/** A value that is `T` after JSON serialisation: it may hold a `Date` where `T` has a string. */
type Tellable<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer Item)[]
    ? readonly Tellable<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Tellable<T[K]> }
      : T

interface Shape<Path extends string, Query, Body, Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: Path
  /** What the operation does, in one or two sentences: the summary in the OpenAPI document. */
  readonly about: string
  /** The caller needs one of these roles. */
  readonly roles: readonly Role[]
  /** A strict object. Absent: query parameters are refused. */
  readonly query?: z.ZodType<Query, Record<string, unknown>>
  /** A strict object, sent as JSON. */
  readonly body?: z.ZodType<Body>
  /** Largest body in bytes. Default: `usualBody`. */
  readonly longest?: number
  /** Media type of an upload, which `handle` reads from `request`. */
  readonly accepts?: string
  /** A POST that changes nothing, because its input must not appear in a URL. It ignores `Idempotency-Key`. */
  readonly readsOnly?: true
  /** HTTP status of an answer with JSON. Default: 200. An answer without a body is 204. */
  readonly status?: number
  /** Schema of the JSON answer. Absent: 204, or `produces`. */
  readonly answer?: z.ZodType<Answer>
  /** Media type of an answer that is not JSON. */
  readonly produces?: string
  /** Requires `If-Match` (RFC 9110 §13.1.1): 428 without it, 412 if the version has changed. */
  readonly conditional?: boolean
  /** Answers 202 with the approval that waits for a second person (`asking.ts`), unless one person is enough. */
  readonly twoPersons?: boolean
  /** Error codes specific to this operation; `openapi-answers.ts` adds those that follow from method, path and input. */
  readonly refuses?: readonly ErrorCode[]
  handle(call: Call<Path, Query, Body>): Promise<Tellable<NoInfer<Answer>> | void>
}
export type Operation = Shape<string, unknown, unknown, unknown>

/** Infers the types of `call` and of the answer of `handle` from the path and the schemas. */
export const operation = <Path extends string, Query = unknown, Body = unknown, Answer = undefined>(
  row: Shape<Path, Query, Body, Answer>,
): Operation => row

export const nameOf = ({ method, path }: Operation): string => `${method} ${path}`

export const isWrite = ({ method, readsOnly }: Operation): boolean => method !== 'GET' && readsOnly !== true

/** Whether it accepts an `Idempotency-Key`. An upload does not: it cannot be compared, and has an id of its own. */
export const takesKey = (row: Operation): boolean =>
  isWrite(row) && row.accepts === undefined && row.produces === undefined

/** Largest JSON body, in bytes. */
export const usualBody = 64 * 1024
/** Milliseconds within which a JSON body must be received. */
const bodyTime = 30_000

/** @returns `sent`: the body as received, before the schema transformed it */
export async function parseInput(
  { query = z.strictObject({}), body, longest = usualBody, accepts }: Operation,
  ctx: Context,
  params: Record<string, string>,
): Promise<{ query: unknown; body: unknown; sent: unknown }> {
  for (const value of [...Object.values(params), ...Object.values(ctx.query).flat()]) {
    // No id contains control characters, and PostgreSQL does not accept NUL.
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f]/.test(value ?? ''))
      throw new BrokerError('input_invalid', 'the path or the query contains a control character')
  }
  const parsed = parse('the query', query, { ...ctx.query })
  if (body === undefined) {
    if (accepts === undefined && hasBody(ctx))
      throw new BrokerError('input_invalid', 'the request must not have a body')
    return { query: parsed, body: undefined, sent: undefined }
  }
  const sent = await inTime(ctx, readJson(ctx, longest))
  return { query: parsed, body: parse('the body', body, sent), sent }
}

const hasBody = ({ req }: Context): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0

async function inTime<T>(ctx: Context, reading: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    // The rest of the body cannot be told apart from a next request.
    ctx.set('connection', 'close')
    reject(new BrokerError('input_invalid', `the body was not received within ${bodyTime / 1000} seconds`))
  }, bodyTime)
  reading.catch(() => {})
  return Promise.race([reading, late]).finally(() => clearTimeout(timer))
}
