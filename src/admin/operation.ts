/** One operation of the admin API: a row of its table. What comes in is parsed here, before the row's `handle`. */
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
  /** Unread where the operation names no body: an upload is a stream. */
  readonly request: IncomingMessage
  readonly reference: string
  /** Of a `conditional` operation: the version that the caller read, as it stood between the quotes of the `ETag`. */
  readonly ifMatch: string | undefined
  /** For answers that are no JSON: set its body and type, and return nothing. */
  readonly ctx: Context
}

/** What becomes `T` when it is sent as JSON: a moment may be a `Date` where `T` says text. */
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
  /** One sentence: what it is for, as the API's description tells it. */
  readonly about: string
  /** Who has one of these may. */
  readonly roles: readonly Role[]
  /** A strict object; without it a query is refused. */
  readonly query?: z.ZodType<Query, Record<string, unknown>>
  /** A strict object, read as JSON. */
  readonly body?: z.ZodType<Body>
  /** Bytes that a body may have, if more than usual. */
  readonly longest?: number
  /** Media type of an upload, which `handle` reads from `request`. */
  readonly accepts?: string
  /** A POST that changes nothing: what it asks for may stand in no URL. An `Idempotency-Key` means nothing to it. */
  readonly readsOnly?: true
  /** Of an answer with JSON: 200 unless told. An answer without is 204. */
  readonly status?: number
  /** What the JSON of the answer is; absent: 204, or `produces`. */
  readonly answer?: z.ZodType<Answer>
  /** Media type of an answer that is no JSON. */
  readonly produces?: string
  /** The caller names the version it read (`If-Match`, RFC 9110 §13.1.1); without it 428, and 412 when it is another. */
  readonly conditional?: boolean
  /** Answered 202 with the approval that waits for a second person (`asking.ts`), unless one is enough. */
  readonly twoPersons?: boolean
  /** Failures of its own, beside those that its method, path and input have (`openapi-answers.ts`). */
  readonly refuses?: readonly ErrorCode[]
  handle(call: Call<Path, Query, Body>): Promise<Tellable<NoInfer<Answer>> | void>
}
export type Operation = Shape<string, unknown, unknown, unknown>

/** Types `call` and what `handle` answers by the path and the schemas. */
export const operation = <Path extends string, Query = unknown, Body = unknown, Answer = undefined>(
  row: Shape<Path, Query, Body, Answer>,
): Operation => row

export const nameOf = ({ method, path }: Operation): string => `${method} ${path}`

export const isWrite = ({ method, readsOnly }: Operation): boolean => method !== 'GET' && readsOnly !== true

/** An upload is a stream: it is not kept to be compared, and says by an id of its own which one it is. */
export const takesKey = (row: Operation): boolean =>
  isWrite(row) && row.accepts === undefined && row.produces === undefined

/** Bytes of a JSON body. */
const usualBody = 64 * 1024
/** Milliseconds in which a JSON body must be here. */
const bodyTime = 30_000

/** @returns `sent`: the body before the schema took it */
export async function parseInput(
  { query = z.strictObject({}), body, longest = usualBody, accepts }: Operation,
  ctx: Context,
  params: Record<string, string>,
): Promise<{ query: unknown; body: unknown; sent: unknown }> {
  for (const value of [...Object.values(params), ...Object.values(ctx.query).flat()]) {
    // No such character means anything in an id, and PostgreSQL takes no NUL.
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f]/.test(value ?? '')) throw new BrokerError('input_invalid', 'a control character')
  }
  const parsed = parse('the query', query, { ...ctx.query })
  if (body === undefined) {
    if (accepts === undefined && hasBody(ctx)) throw new BrokerError('input_invalid', 'no body is expected')
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
    // What is still to come cannot be told from a next request.
    ctx.set('connection', 'close')
    reject(new BrokerError('input_invalid', `the body was not here within ${bodyTime / 1000} seconds`))
  }, bodyTime)
  reading.catch(() => {})
  return Promise.race([reading, late]).finally(() => clearTimeout(timer))
}
