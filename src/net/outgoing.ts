/**
 * All outgoing HTTP calls of the broker, over node:http, which costs less than the global `fetch`. Calls whose URL a
 * portal can choose are restricted to permitted networks (`networks.ts`).
 */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { BlockList } from 'node:net'
import { guardedLookup, isReachable } from './networks.ts'

export { parseNetworks } from './networks.ts'

export class OutgoingError extends Error {
  readonly kind: 'timeout' | 'refused_address' | 'too_large' | 'network'

  /** @param url shown without its query, which may carry a secret */
  constructor(kind: OutgoingError['kind'], url: URL, reason?: string) {
    super(`${kind}${reason === undefined ? '' : ` (${reason})`}: ${url.origin}${url.pathname}`)
    this.name = 'OutgoingError'
    this.kind = kind
  }
}

export interface OutgoingInit<Head = Readonly<Record<string, string>>> {
  readonly method?: string | undefined
  readonly headers?: Head | undefined
  /** string, URLSearchParams, Uint8Array or nothing; anything else is refused. */
  readonly body?: unknown
  readonly signal?: AbortSignal | null | undefined
}

export interface Answer {
  readonly status: number
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer<ArrayBuffer>
}

/** Follows no redirect. @throws OutgoingError */
export type Caller = (url: string | URL, init?: OutgoingInit) => Promise<Answer>
/** The part of `fetch` that oidc-provider and openid-client use. */
export type Transport = (
  url: string | URL,
  init?: OutgoingInit<ConstructorParameters<typeof Headers>[0]>,
) => Promise<Response>

interface Options {
  /** PEM; replaces the system's trust roots. */
  ca?: string | undefined
  /** Timeout of the whole exchange, in seconds. */
  timeout: number
  /** Largest response body, in bytes. Default: 1 MiB. */
  maxBytes?: number
  /** Default `any`: all addresses. A function: public addresses, and those in the list that it returns. */
  allow?: 'any' | ((url: URL) => BlockList | undefined)
}

export function createTransport(options: Options): Transport {
  const call = createCaller(options)
  return async (url, { headers, ...init } = {}) =>
    toResponse(await call(url, { ...init, headers: Object.fromEntries(new Headers(headers)) }), new URL(url))
}

export function createCaller({ ca, timeout, maxBytes = 2 ** 20, allow = 'any' }: Options): Caller {
  // Restricted calls do not reuse sockets, because each socket was checked against one caller's networks only.
  // Idle sockets close after 4 s, before peers with Node's default of 5 s close them during our request.
  const kept = { keepAlive: allow === 'any', timeout: 4000, scheduling: 'lifo' as const }
  const plain = new http.Agent(kept)
  const secure = new https.Agent({
    ...kept,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(ca && { ca }),
  })

  return async (address, init = {}) => {
    const url = new URL(address)
    const body = readBody(init.body)
    const isForm = init.body instanceof URLSearchParams
    const options: https.RequestOptions = {
      method: init.method ?? 'GET',
      headers: {
        ...(isForm && { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }),
        ...init.headers,
      },
    }
    if (url.protocol === 'https:') options.agent = secure
    else if (url.protocol === 'http:') options.agent = plain
    else throw new OutgoingError('network', url, 'protocol')
    if (allow !== 'any') {
      const allowed = allow(url)
      const refuse = () => new OutgoingError('refused_address', url)
      // net.connect does not call lookup for a literal address.
      const literal = url.hostname.replace(/^\[(.*)\]$/, '$1')
      if (isIP(literal) !== 0 && !isReachable(literal, allowed)) throw refuse()
      options.lookup = guardedLookup(allowed, refuse)
    }
    const deadline = performance.now() + timeout * 1000
    return exchange({ url, options, body, signal: init.signal, deadline, maxBytes, mayRepeat: true })
  }
}

function readBody(body: unknown): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof URLSearchParams) return Buffer.from(body.toString())
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  throw new TypeError('body: must be a string, URLSearchParams or Uint8Array')
}

interface Exchange {
  url: URL
  options: https.RequestOptions
  body: Buffer | undefined
  signal: AbortSignal | null | undefined
  deadline: number
  maxBytes: number
  mayRepeat: boolean
}

function exchange(call: Exchange): Promise<Answer> {
  const { url, options, body, signal, deadline, maxBytes } = call
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(new OutgoingError('timeout', url, 'aborted'))
    const request = (url.protocol === 'https:' ? https : http).request(url, options)
    let answered = false
    let settled = false
    const finish = (act: () => void) => {
      // Destroying a request emits another error, which must not cause a retry.
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      act()
    }
    const fail = (error: Error & { code?: string }) => {
      // The peer closed a kept-alive connection while we were writing and did not answer, so retry once.
      const dropped =
        request.reusedSocket && !answered && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      finish(() => {
        request.destroy()
        if (dropped && call.mayRepeat) resolve(exchange({ ...call, mayRepeat: false }))
        else if (error instanceof OutgoingError) reject(error)
        // Only the code: the message may hold addresses, and a TLS error the whole certificate.
        else reject(new OutgoingError('network', url, error.code ?? error.name))
      })
    }
    const timer = setTimeout(
      () => fail(new OutgoingError('timeout', url)),
      Math.max(0, deadline - performance.now()),
    )
    const abort = () => fail(new OutgoingError('timeout', url, 'aborted'))
    signal?.addEventListener('abort', abort, { once: true })

    request.on('error', fail)
    request.on('response', (answer) => {
      answered = true
      const chunks: Buffer[] = []
      let size = 0
      answer.on('error', fail)
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxBytes) fail(new OutgoingError('too_large', url))
        else chunks.push(chunk)
      })
      answer.on('end', () => {
        const { statusCode: status = 0, rawHeaders } = answer
        finish(() => resolve({ status, rawHeaders, body: Buffer.concat(chunks) }))
      })
    })
    request.end(body)
  })
}

function toResponse({ status, rawHeaders, body }: Answer, url: URL): Response {
  try {
    const headers = new Headers()
    for (let i = 0; i + 1 < rawHeaders.length; i += 2)
      headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '')
    // RFC 9110 §15.3.5, §15.4.5: no content, and the constructor refuses one.
    return new Response([204, 205, 304].includes(status) ? null : body, { status, headers })
  } catch {
    throw new OutgoingError('network', url, 'malformed response')
  }
}
