/** A client of the admin API, for the command line, for machines and for tests. */
import { randomUUID } from 'node:crypto'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import { type JWK, SignJWT, importJWK } from 'jose'
import type { InputFault } from '../errors.ts'
import { algorithmOf } from '../operators/key.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface CallOptions {
  /** The version that was read: the value of an `ETag` without its quotes. */
  readonly ifMatch?: string
  /** Default: a new key for each call. */
  readonly idempotencyKey?: string
}

export interface AdminClient {
  /**
   * Repeats the request once if the connection breaks, with the same Idempotency-Key, so that a write is not executed twice.
   * @returns the JSON of the answer, or undefined if the answer has none; @throws AdminError
   */
  call<T = unknown>(method: Method, path: string, body?: unknown, options?: CallOptions): Promise<T>
  /** @returns the unread answer, for answers that are not JSON; @throws AdminError */
  download(path: string): Promise<Readable>
  /** Streams a file, without a time limit. @returns the unread answer; @throws AdminError */
  upload(path: string, content: Readable, type: string): Promise<IncomingMessage>
}

/** One request and its answer, for an observer. */
export interface Exchange {
  readonly method: Method
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Undefined if there was no body, or if it was not read. */
  readonly text: string | undefined
}

/** The API's refusal, from `application/problem+json`. */
export class AdminError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string | undefined
  readonly reference: string | undefined
  readonly errors: readonly InputFault[]

  constructor({ status, code, detail, reference, errors = [] }: Partial<AdminError> & { status: number }) {
    const name = code ?? `HTTP ${status}`
    const told = detail === undefined ? name : `${name}: ${detail}`
    super(reference === undefined ? told : `${told} (reference ${reference})`)
    this.name = 'AdminError'
    this.status = status
    this.code = name
    this.detail = detail
    this.reference = reference
    this.errors = errors
  }
}

/** @returns a function that makes one assertion per request; `key` is the operator's private JWK */
export function assertionsOf({
  audience,
  operatorId,
  key,
}: {
  readonly audience: string
  readonly operatorId: string
  readonly key: JWK
}): () => Promise<string> {
  const algorithm = algorithmOf(key)
  const signingKey = importJWK(key, algorithm)
  return async () =>
    new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: algorithm })
      .setIssuer(operatorId)
      .setSubject(operatorId)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(await signingKey)
}

/** Milliseconds between two checks of a first request that is still running. */
const pause = 500
const looks = 20

export function createAdminClient({
  url,
  onExchange,
  ...who
}: {
  readonly url: string
  readonly onExchange?: (exchange: Exchange) => Promise<void> | void
} & (Parameters<typeof assertionsOf>[0] | { readonly token: () => Promise<string> })): AdminClient {
  const token = 'token' in who ? who.token : assertionsOf(who)

  async function send(
    bearer: string,
    method: Method,
    path: string,
    init: { headers: object; body?: string },
  ) {
    const headers = { ...init.headers, authorization: `Bearer ${bearer}` }
    const response = await fetch(new URL(path, url), { ...init, method, headers })
    const answer = { status: response.status, headers: Object.fromEntries(response.headers) }
    return { method, path, ...answer, text: await response.text() }
  }
  type Request = Parameters<typeof send> extends [string, ...infer Rest] ? Rest : never
  async function sendSafely(...request: Request): Promise<Exchange> {
    const bearer = await token()
    try {
      return await send(bearer, ...request)
    } catch {
      return again(...request)
    }
  }
  /** The first request may have arrived and may still be running. */
  async function again(...request: Request): Promise<Exchange> {
    for (let look = 1; ; look++) {
      // A new assertion for each attempt, because an assertion is valid once.
      const exchange = await send(await token(), ...request).catch((cause: unknown) => {
        throw new Error(`the admin API at ${url} does not answer`, { cause })
      })
      if (look === looks || problemIn(exchange).code !== 'idempotency_running') return exchange
      await sleep(pause)
    }
  }

  return {
    async call<T>(method: Method, path: string, body?: unknown, options: CallOptions = {}) {
      const { ifMatch, idempotencyKey = randomUUID() } = options
      const headers = {
        ...(method !== 'GET' && { 'idempotency-key': idempotencyKey }),
        ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      }
      const init = { headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const exchange = await sendSafely(method, path, init)
      await onExchange?.(exchange)
      if (exchange.status >= 400) throw new AdminError(problemIn(exchange))
      return (exchange.text === '' ? undefined : JSON.parse(exchange.text ?? '')) as T
    },
    async download(path) {
      const headers = { authorization: `Bearer ${await token()}` }
      const response = await fetch(new URL(path, url), { headers }).catch((cause: unknown) => {
        throw new Error(`the admin API at ${url} does not answer`, { cause })
      })
      const told = response.ok ? undefined : await response.text()
      const { status } = response
      const exchange = { status, headers: Object.fromEntries(response.headers), text: told }
      await onExchange?.({ method: 'GET', path, ...exchange })
      if (!response.ok) throw new AdminError(problemIn({ method: 'GET', path, ...exchange }))
      return Readable.fromWeb(response.body as ReadableStream)
    },
    // Uses `node:http`, because `fetch` gives up on an answer that takes minutes to begin.
    async upload(path, content, type) {
      const headers = { authorization: `Bearer ${await token()}`, 'content-type': type }
      const target = new URL(path, url)
      const { request } = target.protocol === 'https:' ? https : http
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sending = request(target, { method: 'POST', headers }, resolve)
        sending.once('error', (cause) =>
          reject(
            new Error(`the admin API at ${url} closed the connection while the file was sent`, { cause }),
          ),
        )
        content.once('error', (cause) => sending.destroy(cause))
        content.pipe(sending)
      })
      const exchange: Exchange = {
        method: 'POST',
        path,
        status: answer.statusCode ?? 0,
        headers: answer.headers as Record<string, string>,
        text: answer.statusCode === 200 ? undefined : await text(answer),
      }
      await onExchange?.(exchange)
      if (answer.statusCode === 200) return answer
      content.destroy()
      throw new AdminError(problemIn(exchange))
    },
  }
}

/** The message of a failure. For an answer that is not ours (a proxy's page) it is only the status. */
function problemIn({ status, text: told = '' }: Exchange): Partial<AdminError> & { status: number } {
  try {
    return { ...(JSON.parse(told) as Partial<AdminError>), status }
  } catch {
    return { status }
  }
}
