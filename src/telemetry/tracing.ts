/**
 * Traces, off unless a collector is configured. The spans of a request are kept until it ends and exported together, so
 * that a callback can still join the trace of its sign-in, and failed requests are exported regardless of sampling.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { BrokerError, errorTable, type ErrorCode } from '../errors.ts'
import { randomBytesOf } from '../crypto/random.ts'

type Attributes = Record<string, string | number>

export interface SpanRecord {
  readonly spanId: string
  readonly parentId: string | undefined
  /** `client`: a call to another process. */
  readonly kind: 'server' | 'client' | 'internal'
  name: string
  /** Milliseconds since the epoch. */
  readonly begun: number
  ended: number
  readonly attributes: Attributes
  failed: boolean
}

export interface TraceRecord {
  traceId: string
  /** The span of an earlier request, on any node, that this one continues. */
  parentId: string | undefined
  sampled: boolean
  readonly spans: SpanRecord[]
  /** Related traces, as `traceparent` values. */
  readonly links: string[]
}

interface Sink {
  /** Share of sampled requests, 0 to 1. */
  readonly ratio: number
  take(trace: TraceRecord): void
}

interface Frame {
  readonly trace: TraceRecord
  readonly span: SpanRecord
}

/** Largest number of spans per request; further ones are dropped. */
const mostSpans = 256

let sink: Sink | undefined
const active = new AsyncLocalStorage<Frame>()

/** Sets where traces go; undefined turns tracing off. */
export const traceTo = (next: Sink | undefined): void => void (sink = next)

const now = () => performance.timeOrigin + performance.now()
const newId = (bytes: number) => randomBytesOf(bytes).toString('hex')

/** Runs a request as the root span of a trace. @param caller the caller's `traceparent`: linked, but not continued */
export async function inTrace<T>(caller: string, work: () => Promise<T>): Promise<T> {
  if (sink === undefined) return work()
  const { take, ratio } = sink
  const trace: TraceRecord = {
    traceId: newId(16),
    parentId: undefined,
    sampled: Math.random() < ratio,
    spans: [],
    links: [],
  }
  const span = begin(trace, 'request', 'server', undefined, {})
  if (parse(caller) !== undefined) trace.links.push(caller)
  try {
    return await active.run({ trace, span }, work)
  } finally {
    span.ended = now()
    if (trace.sampled || span.failed) take(trace)
  }
}

/** Runs a step of the current request as a span. No cost when tracing is off. @param name short and without values */
export function traced<T>(
  name: string,
  work: () => Promise<T>,
  { kind = 'internal', ...attributes }: { kind?: SpanRecord['kind'] } & Attributes = {},
): Promise<T> {
  const parent = sink && active.getStore()
  if (parent === undefined || parent.trace.spans.length >= mostSpans) return work()
  return follow(parent, name, kind, attributes, work)
}

async function follow<T>(
  { trace, span: parent }: Frame,
  name: string,
  kind: SpanRecord['kind'],
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const span = begin(trace, name, kind, parent.spanId, attributes)
  try {
    return await active.run({ trace, span }, work)
  } catch (error) {
    const code: ErrorCode = error instanceof BrokerError ? error.code : 'server_error'
    span.attributes['broker.failure'] = code
    span.failed = errorTable[code].level === 'error'
    throw error
  } finally {
    span.ended = now()
  }
}

function begin(
  trace: TraceRecord,
  name: string,
  kind: SpanRecord['kind'],
  parentId: string | undefined,
  attributes: Attributes,
): SpanRecord {
  const span = { spanId: newId(8), parentId, kind, name, begun: now(), ended: 0, attributes, failed: false }
  trace.spans.push(span)
  return span
}

/** Sets name and attributes of the request's span: our own codes and ids, no personal data. */
export function describeTrace(attributes: Attributes, name?: string): void {
  const request = active.getStore()?.trace.spans[0]
  if (request === undefined) return
  Object.assign(request.attributes, attributes)
  if (name !== undefined) request.name = name
}

/** Marks the current request as failed, for failures with log level `error`. */
export function failTrace(): void {
  const request = active.getStore()?.trace.spans[0]
  if (request !== undefined) request.failed = true
}

/** The `traceparent` to store, so that a later request can continue or link this trace (W3C Trace Context §3.2). */
export function traceparent(): string | undefined {
  const frame = active.getStore()
  return (
    frame && `00-${frame.trace.traceId}-${frame.trace.spans[0]!.spanId}-0${frame.trace.sampled ? '1' : '0'}`
  )
}

/** Makes the current request part of an earlier trace. @param stored a value of `traceparent()` that we stored sealed */
export function continueTrace(stored: unknown): void {
  const trace = active.getStore()?.trace
  const earlier = parse(stored)
  if (trace === undefined || earlier === undefined) return
  trace.traceId = earlier.traceId
  trace.parentId = earlier.spanId
  trace.sampled = earlier.sampled
}

/** Links a related trace to the current one. */
export function linkTrace(stored: unknown): void {
  const links = active.getStore()?.trace.links
  if (links !== undefined && parse(stored) !== undefined) links.push(stored as string)
}

/** The trace id for log lines. */
export function traceField(): { trace_id?: string } {
  const trace = sink && active.getStore()?.trace
  return trace === undefined ? {} : { trace_id: trace.traceId }
}

export function parse(text: unknown): { traceId: string; spanId: string; sampled: boolean } | undefined {
  if (typeof text !== 'string') return undefined
  const [, traceId, spanId, flags] = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId))
    return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 }
}
