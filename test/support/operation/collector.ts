/** An OpenTelemetry collector on loopback: receives traces as OTLP over HTTP in JSON, and stores them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { atEnd } from '../at-end.ts'

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** OTLP: 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly begun: bigint
  readonly ended: bigint
  /** OTLP: 2 is an error. */
  readonly status: number
  readonly attributes: Readonly<Record<string, string | number>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
}

interface Wire {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[]
  }[]
}
interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly doubleValue?: number }
}
interface WireSpan extends Omit<Span, 'attributes' | 'status' | 'begun' | 'ended' | 'links'> {
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code: number }
  readonly links?: Span['links']
}

export interface Collector {
  readonly url: string
  readonly spans: Span[]
  /** Request bodies as received. */
  readonly bodies: string[]
  readonly services: Set<string>
  readonly headers: Record<string, unknown>[]
}

export async function openCollector(): Promise<Collector> {
  const collector: Omit<Collector, 'url'> = { spans: [], bodies: [], services: new Set(), headers: [] }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json')
        return response.writeHead(400).end()
      collector.headers.push(request.headers)
      collector.bodies.push(body)
      for (const { resource, scopeSpans } of (JSON.parse(body) as Wire).resourceSpans) {
        collector.services.add(String(toRecord(resource.attributes)['service.name']))
        for (const { spans } of scopeSpans) collector.spans.push(...spans.map(read))
      }
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  return { ...collector, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const toRecord = (attributes: readonly Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  )

const read = ({
  startTimeUnixNano,
  endTimeUnixNano,
  attributes,
  status,
  links = [],
  ...span
}: WireSpan): Span => ({
  ...span,
  begun: BigInt(startTimeUnixNano),
  ended: BigInt(endTimeUnixNano),
  attributes: toRecord(attributes),
  status: status.code ?? 0,
  links,
})
