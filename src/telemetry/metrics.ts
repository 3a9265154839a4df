/** Every metric, declared once. Labels are closed sets: never a person, a client secret or an address. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import manifest from '../../package.json' with { type: 'json' }
import { errorTable } from '../errors.ts'

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

export const auditCheckpointLag = new Gauge({
  name: 'audit_checkpoint_lag_seconds',
  help: 'How long the oldest audit row has been without a checkpoint; 0 when all are covered',
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

export const limited = new Counter({
  name: 'limited_total',
  help: 'Requests that were asked to wait, by group of endpoints and by what was spent (src/config/limit-table.ts)',
  labelNames: ['group', 'dimension'] as const,
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

// The citizen

export const logins = new Counter({
  name: 'logins_total',
  help: 'Sign-ins that ended, by outcome (completed, refused) and the code of the error table',
  labelNames: ['outcome', 'code'] as const,
  registers,
})

/** `returned` stays behind `begun` by those who are at VNeID now, and those who gave up there. */
export const trips = new Counter({
  name: 'upstream_trips_total',
  help: "Citizens' trips to VNeID: begun, and returned from",
  labelNames: ['step'] as const,
  registers,
})

export const awaySeconds = new Histogram({
  name: 'upstream_away_seconds',
  help: "From the portal's request until the citizen is back from VNeID",
  buckets: [5, 10, 20, 30, 60, 120, 300, 600],
  registers,
})

// The portals. `client` is an id of the registry, never what a caller sent: two series for each portal.

export const portalLogins = new Counter({
  name: 'portal_logins_total',
  help: 'Sign-ins that ended, by portal and outcome (completed, refused)',
  labelNames: ['client', 'outcome'] as const,
  registers,
})

export const logoutDeliveries = new Counter({
  name: 'logout_deliveries_total',
  help: 'Back-channel logout notices, by portal and outcome (delivered, failed)',
  labelNames: ['client', 'outcome'] as const,
  registers,
})

export const protocolRefusals = new Counter({
  name: 'protocol_refusals_total',
  help: "Portals' requests that were refused, by what was asked and the OAuth error",
  labelNames: ['request', 'error'] as const,
  registers,
})

export const clientSecretExpires = new Gauge({
  name: 'client_secret_expires_timestamp_seconds',
  help: "When the last of a portal's secrets expires",
  labelNames: ['client'] as const,
  registers,
})

// VNeID

export const upstreamCallSeconds = new Histogram({
  name: 'upstream_call_duration_seconds',
  help: 'Calls to VNeID, by kind (token, userinfo, keys, discovery, ready) and outcome (answered, unavailable, rejected, invalid)',
  labelNames: ['kind', 'outcome'] as const,
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
})

// The stores

export const storeSeconds = new Histogram({
  name: 'store_duration_seconds',
  help: 'Round trips to the database and to the state store',
  labelNames: ['store'] as const,
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
  registers,
})

export const storeErrors = new Counter({
  name: 'store_errors_total',
  help: 'Round trips that a store did not answer',
  labelNames: ['store'] as const,
  registers,
})

export const databaseConnections = new Gauge({
  name: 'database_connections',
  help: 'Connections to PostgreSQL (in_use, idle, limit), and requests that wait for one (waiting)',
  labelNames: ['state'] as const,
  registers,
})

export const stateRecords = new Gauge({
  name: 'state_records',
  help: 'Records of the in-process state engine (held), and how many it takes (limit); absent with Redis',
  labelNames: ['state'] as const,
  registers,
})

// What is looked at when the metrics are read (http/health.ts)

export const dependencyUp = new Gauge({
  name: 'dependency_up',
  help: '1 where the dependency answers, as /health/ready sees it',
  labelNames: ['dependency'] as const,
  registers,
})

export const registrySize = new Gauge({
  name: 'registry_clients',
  help: 'Registered portals that this node knows',
  registers,
})

export const registryRead = new Gauge({
  name: 'registry_read_timestamp_seconds',
  help: 'When this node last compared its portals with the database',
  registers,
})

export const openCases = new Gauge({
  name: 'review_cases_open',
  help: 'Cases that wait for an operator',
  registers,
})

export const oldestCase = new Gauge({
  name: 'review_oldest_open_seconds',
  help: 'How long the oldest open case has been waiting; 0 without one',
  registers,
})

export const unfinishedImports = new Gauge({
  name: 'imports_unfinished',
  help: 'Imports that are under way (running), or have stood still for ten minutes with none after them (stuck)',
  labelNames: ['state'] as const,
  registers,
})

export const signingKeySince = new Gauge({
  name: 'signing_key_signs_from_timestamp_seconds',
  help: 'Since when, or from when, the newest signing key of an algorithm signs, by its state (next, current)',
  labelNames: ['alg', 'state'] as const,
  registers,
})

export const clockSkew = new Gauge({
  name: 'clock_skew_seconds',
  help: "How far this node's clock is ahead of the database's",
  registers,
})

export const operatorReviewDue = new Gauge({
  name: 'operator_review_due_timestamp_seconds',
  help: 'When the next access review of the operators is due; 0 without operators',
  registers,
})

export const watchRead = new Gauge({
  name: 'watch_read_timestamp_seconds',
  help: 'When what stands waiting (backlog) and the calendar of keys (keys) were last read',
  labelNames: ['what'] as const,
  registers,
})

export const housekeepingFailures = new Counter({
  name: 'housekeeping_failed_total',
  help: 'Chores of the housekeeping that failed; each is tried again within the hour',
  labelNames: ['chore'] as const,
  registers,
})

export const spansExported = new Counter({
  name: 'trace_spans_total',
  help: 'Spans of traces, sent to the collector or lost on the way',
  labelNames: ['outcome'] as const,
  registers,
})

new Gauge({
  name: 'broker_build_info',
  help: '1, with the version of the broker and of Node.js',
  labelNames: ['version', 'node'] as const,
  registers,
}).set({ version: manifest.version, node: process.versions.node }, 1)

// A counter that first shows itself at 1 has, to whoever asks for its growth, not grown: what alerts ask for begins at 0.
logins.inc({ outcome: 'completed', code: '' }, 0)
for (const [code, { oauth }] of Object.entries(errorTable)) {
  failures.inc({ code }, 0)
  if (oauth !== undefined) logins.inc({ outcome: 'refused', code }, 0)
}
for (const step of ['begun', 'returned']) trips.inc({ step }, 0)
for (const store of ['database', 'state']) {
  storeErrors.inc({ store }, 0)
  storeSeconds.zero({ store })
}
for (const kind of ['token', 'userinfo'])
  for (const outcome of ['answered', 'unavailable', 'rejected', 'invalid'])
    upstreamCallSeconds.zero({ kind, outcome })
for (const state of ['running', 'stuck']) unfinishedImports.set({ state }, 0)
for (const what of ['backlog', 'keys']) watchRead.set({ what }, 0)
for (const outcome of ['sent', 'lost']) spansExported.inc({ outcome }, 0)
