/** Every metric, declared once. Labels are closed sets: never a person, a client secret or an address. */
import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export const registry = new Registry()
collectDefaultMetrics({ register: registry })

const registers = [registry]

export const httpRequests = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Requests on the public listener, by route and status',
  labelNames: ['route', 'status'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  registers,
})

export const auditEvents = new Counter({
  name: 'audit_events_total',
  help: 'Audit events by name',
  labelNames: ['event'] as const,
  registers,
})

export const failures = new Counter({
  name: 'failures_total',
  help: 'Failures by code of the error table',
  labelNames: ['code'] as const,
  registers,
})

export const roundTrips = new Counter({
  name: 'store_round_trips_total',
  help: 'Round trips to the database and to the state store',
  labelNames: ['store'] as const,
  registers,
})

export const upstreamCalls = new Histogram({
  name: 'upstream_duration_seconds',
  help: 'One completed trip to VNeID as the broker sees it: callback to identity, by outcome',
  labelNames: ['outcome'] as const,
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
})

export const linkRefusals = new Counter({
  name: 'link_refusals_total',
  help: 'Old accounts that portals vouched for and that were not linked, by reason',
  labelNames: ['reason'] as const,
  registers,
})
