/** The traces of a sign-in, as a collector receives them: requests, calls to VNeID and the stores, and no data of the citizen. */
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { citizens } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { type Collector, type Span, openCollector } from '../support/operation/collector.ts'
import { citizenNeedles, createSearch } from '../support/leaks.ts'
import { openRecord } from '../support/record.ts'
import { openWorld, portalDefinition, secretOf, type World } from '../support/world.ts'

const stranger = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
let collector: Collector
let world: World
/** Secrets and tokens of the citizen's browser and the portal. */
let secrets: string[]
let references: string[]

beforeAll(async () => {
  collector = await openCollector()
  world = await openWorld({
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=one%20two',
      OTEL_SERVICE_NAME: 'sso-of-the-test',
    },
  })
  await world.register(portalDefinition('portal'))
  const portal = await world.portal({ clientId: 'portal' })
  const visitor = createVisitor()
  const { tokens, claims, begun } = await portal.signIn({}, visitor)
  await portal.userinfo(tokens.access_token)
  await fetch(`${world.issuer}/jwks`, { headers: { traceparent: stranger } })
  const gone = await fetch(`${world.issuer}/interaction/x?secret=y`)
  references = [gone.headers.get('x-reference') ?? '']
  secrets = [
    secretOf('portal'),
    tokens.access_token,
    tokens.id_token!,
    claims.sub,
    begun.state,
    begun.nonce,
    begun.verifier,
  ]
  // A broker sends the remaining spans before it ends.
  await world.restart()
  openRecord('log')(collector.bodies.join('\n'))
})

const named = (name: string) => collector.spans.filter((span) => span.name === name)
const only = (name: string): Span => {
  expect(named(name).map((span) => span.name)).toEqual([name])
  return named(name)[0]!
}
const under = (parent: Span) =>
  collector.spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId).map(({ name }) => name)

test('the request of the portal and the callback are one trace, although VNeID is between them', () => {
  const began = only('GET authorization')
  const callback = only('GET callback')
  expect(began.parentSpanId ?? '').toBe('')
  expect(callback.traceId).toBe(began.traceId)
  expect(callback.parentSpanId).toBe(began.spanId)
  expect(callback.attributes).toMatchObject({
    'http.route': 'callback',
    'http.response.status_code': 303,
    'broker.client': 'portal',
  })
  // The interaction was read before the trace was known.
  expect(under(callback)).toEqual(
    expect.arrayContaining([
      'state spend',
      'VNeID token',
      'sign in',
      'state write',
      'issue authorization_code',
    ]),
  )
  expect(under(only('sign in')).every((name) => /^(select|insert) /.test(name))).toBe(true)
  expect(under(only('sign in')).length).toBe(2)
})

test('each token request is a separate trace that is linked to the sign-in', () => {
  const callback = only('GET callback')
  const token = only('POST token')
  expect(token.traceId).not.toBe(callback.traceId)
  expect(token.links).toMatchObject([{ traceId: callback.traceId, spanId: callback.spanId }])
  expect(under(token)).toEqual(expect.arrayContaining(['state spend', 'issue access_token']))
  expect(only('GET userinfo').links).toMatchObject([{ traceId: token.traceId, spanId: token.spanId }])
})

test('every span lies within its parent’s time, and has a kind', () => {
  expect(collector.spans.length).toBeGreaterThan(20)
  const byId = new Map(collector.spans.map((span) => [span.spanId, span]))
  const kindOf = (name: string) =>
    /^(state|select|insert|update|delete|VNeID) /.test(name) ? 3 : /^[A-Z]+ /.test(name) ? 2 : 1
  const odd = collector.spans.filter((span) => {
    const parent = byId.get(span.parentSpanId ?? '')
    const isEarly = parent !== undefined && span.begun < parent.begun
    return isEarly || span.ended < span.begun || span.kind !== kindOf(span.name)
  })
  expect(odd.map(({ name, kind }) => ({ name, kind }))).toEqual([])
})

test('a traceparent from an unknown caller is recorded and not followed', () => {
  const jwks = collector.spans.find(({ links }) => links.some(({ traceId }) => traceId === 'ab'.repeat(16)))
  expect(jwks?.name).toBe('GET jwks')
  expect(jwks?.traceId).not.toBe('ab'.repeat(16))
  expect(jwks?.parentSpanId ?? '').toBe('')
})

test('a reference leads to the trace, and the log line connects the two', () => {
  const [reference] = references
  const span = collector.spans.find(({ attributes }) => attributes['broker.reference'] === reference)
  expect(span?.attributes['broker.failure']).toBe('interaction_gone')
  // The citizen's browser had lost its cookies; no part of the broker failed.
  expect(span?.status).toBe(0)
  const line = world.logLines.find((text) => text.includes(reference!) && text.includes('request.served'))
  expect(line).toContain(`"trace_id":"${span?.traceId}"`)
})

test('no span holds data of the citizen, a secret or a query', () => {
  const text = collector.bodies.join('\n')
  expect(text.length).toBeGreaterThan(1_000)
  expect(createSearch(citizenNeedles())(text)).toEqual([])
  for (const secret of secrets) expect(text).not.toContain(secret)
  for (const { number } of citizens) expect(text).not.toContain(number)
  expect(text).not.toMatch(/[?&](code|state)=/)
})

test('the collector receives the name of the service, with the configured headers', () => {
  expect([...collector.services]).toEqual(['sso-of-the-test'])
  expect(collector.headers[0]).toMatchObject({ 'x-tenant': 'one two' })
})

describe('with a sampling rate of zero', () => {
  test('only traces that failed because of the broker or VNeID are kept', async () => {
    const own = await openCollector()
    const quiet = await openWorld({
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: own.url, OTEL_TRACES_SAMPLER_ARG: '0' },
    })
    await quiet.register(portalDefinition('portal'))
    const portal = await quiet.portal({ clientId: 'portal' })
    await portal.signIn()
    // VNeID never issued this code.
    const away = await fetch((await portal.begin()).url, { redirect: 'manual' })
    const upstream = new URL(away.headers.get('location')!)
    const query = new URLSearchParams({
      code: 'made-up',
      state: upstream.searchParams.get('state')!,
      iss: quiet.simulator.issuer,
    })
    const cookie = away.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ')
    await fetch(`${quiet.issuer}/callback?${query.toString()}`, { redirect: 'manual', headers: { cookie } })
    await quiet.restart()
    const requests = own.spans.filter(({ kind }) => kind === 2)
    expect(requests.map(({ name, status }) => [name, status])).toEqual([['GET callback', 2]])
    expect(requests[0]?.attributes['broker.failure']).toBe('upstream_rejected_us')
    expect(own.spans.find(({ name }) => name === 'VNeID token')?.status).toBe(2)
  })
})

test('an invalid header is named at the start, without its value', () => {
  const settings = { ...world.settings, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=%zz' }
  expect(() => loadConfig(settings)).toThrow('OTEL_EXPORTER_OTLP_HEADERS must be NAME=VALUE')
  expect(() => loadConfig(settings)).not.toThrow('zz')
})

test('failed exports to an unreachable collector are counted, and do not keep the broker from ending', async () => {
  const quiet = await openWorld({
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '300' },
  })
  await fetch(`${quiet.issuer}/jwks`)
  const begun = performance.now()
  await quiet.restart()
  expect(performance.now() - begun).toBeLessThan(15_000)
  const metrics = await (await fetch(`${quiet.operationsUrl}/metrics`)).text()
  expect(metrics).toMatch(/^trace_spans_total\{outcome="lost"\} [1-9]/m)
})

test('without a collector no part of OpenTelemetry is loaded', () => {
  const program = `
    const { registerHooks } = require('node:module')
    let loaded = 0
    registerHooks({ load(url, context, next) { loaded += /opentelemetry.(sdk|exporter|otlp|resources)/.test(url); return next(url, context) } })
    void (async () => {
      const { openTracing } = await import('${new URL('../../src/telemetry/tracing-export.ts', import.meta.url).href}')
      await import('${new URL('../../src/app.ts', import.meta.url).href}')
      const about = { headers: {}, timeout: 300, serviceName: 'x', ratio: 1 }
      await (await openTracing({ ...about, endpoint: undefined }))()
      const before = loaded
      await (await openTracing({ ...about, endpoint: 'http://127.0.0.1:9' }))()
      console.log(JSON.stringify({ before, after: loaded > 0 }))
    })()`
  const out = execFileSync(process.execPath, ['--input-type=commonjs', '-e', program], { encoding: 'utf8' })
  expect(JSON.parse(out)).toEqual({ before: 0, after: true })
})
