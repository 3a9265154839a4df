/** Exports traces to the collector: OTLP over HTTP, as JSON. OpenTelemetry is loaded only if a collector is configured. */
import type { Config } from '../config/config.ts'
import { spansExported } from './metrics.ts'
import { type SpanRecord, type TraceRecord, parse, traceTo } from './tracing.ts'

/** @returns sends the remaining spans and stops; does nothing if no collector is configured */
export async function openTracing(config: Config['tracing']): Promise<() => Promise<void>> {
  if (config.endpoint === undefined) return () => Promise.resolve()
  const { SpanKind, SpanStatusCode, TraceFlags } = await import('@opentelemetry/api')
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { resourceFromAttributes } = await import('@opentelemetry/resources')

  const exporter = new OTLPTraceExporter({
    url: `${config.endpoint.replace(/\/$/, '')}/v1/traces`,
    headers: { ...config.headers },
    timeoutMillis: config.timeout,
  })
  const send = exporter.export.bind(exporter)
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      spansExported.inc({ outcome: result.error === undefined ? 'sent' : 'lost' }, spans.length)
      done(result)
    })
  const batches = new BatchSpanProcessor({ exporter, exportTimeoutMillis: config.timeout })
  const resource = resourceFromAttributes({ 'service.name': config.serviceName })
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL }
  const contextOf = (traceId: string, spanId: string) => ({
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
  })

  function hand({ traceId, parentId, links }: TraceRecord, span: SpanRecord): void {
    const parent = span.parentId ?? parentId
    const isFirst = span.parentId === undefined
    // A span that is still open ends with its request.
    const ended = Math.max(span.ended, span.begun)
    batches.onEnd({
      name: span.name,
      kind: kinds[span.kind],
      spanContext: () => contextOf(traceId, span.spanId),
      ...(parent !== undefined && {
        parentSpanContext: { ...contextOf(traceId, parent), isRemote: isFirst },
      }),
      startTime: timeOf(span.begun),
      endTime: timeOf(ended),
      duration: timeOf(ended - span.begun),
      status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
      attributes: span.attributes,
      links: (isFirst ? links : []).flatMap((stored) => {
        const { traceId: other, spanId } = parse(stored) ?? {}
        return other === undefined || spanId === undefined ? [] : [{ context: contextOf(other, spanId) }]
      }),
      events: [],
      ended: true,
      resource,
      instrumentationScope: { name: 'vneid-sso-gateway' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    })
  }

  traceTo({
    ratio: config.ratio,
    take: (trace) => {
      for (const span of trace.spans) hand(trace, span)
    },
  })
  return async () => {
    traceTo(undefined)
    // An unreachable collector must not prevent shutdown.
    await batches.shutdown().catch(() => {})
  }
}

/** @returns seconds and nanoseconds */
const timeOf = (milliseconds: number): [number, number] => {
  const seconds = Math.floor(milliseconds / 1000)
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)]
}
