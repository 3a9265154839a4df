/** All metrics. Labels have closed sets of values: never a person, a secret or an address. */
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
  help: 'Age of the oldest audit row without a checkpoint; 0 when all rows are covered',
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
  help: 'Requests over a rate limit, by group of endpoints and dimension of the limit (src/config/limit-table.ts)',
  labelNames: ['group', 'dimension'] as const,
  registers,
})

export const upstreamCalls = new Histogram({
  name: 'upstream_duration_seconds',
  help: 'Processing of the callback from VNeID, up to the identity, by outcome',
  labelNames: ['outcome'] as const,
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
})

export const linkRefusals = new Counter({
  name: 'link_refusals_total',
  help: 'Legacy accounts that portals vouched for and that were not linked, by reason',
  labelNames: ['reason'] as const,
  registers,
})

// The citizen

export const logins = new Counter({
  name: 'logins_total',
  help: 'Ended sign-ins, by outcome (completed, refused) and code of the error table',
  labelNames: ['outcome', 'code'] as const,
  registers,
})

/** `begun` minus `returned`: citizens who are at VNeID now or gave up there. */
export const trips = new Counter({
  name: 'upstream_trips_total',
  help: "Citizens' trips to VNeID, by step (begun, returned)",
  labelNames: ['step'] as const,
  registers,
})

export const awaySeconds = new Histogram({
  name: 'upstream_away_seconds',
  help: "Time from the portal's request to the citizen's return from VNeID",
  buckets: [5, 10, 20, 30, 60, 120, 300, 600],
  registers,
})

// The portals. `client` is an id of the registry, never an unchecked value of a caller.

export const portalLogins = new Counter({
  name: 'portal_logins_total',
  help: 'Ended sign-ins, by portal and outcome (completed, refused)',
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
  help: "Portals' refused requests, by request and OAuth error",
  labelNames: ['request', 'error'] as const,
  registers,
})

export const clientSecretExpires = new Gauge({
  name: 'client_secret_expires_timestamp_seconds',
  help: "When a portal's last secret expires; 0 without a secret",
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
  help: 'Round trips that failed because the store was unavailable',
  labelNames: ['store'] as const,
  registers,
})

export const databaseConnections = new Gauge({
  name: 'database_connections',
  help: 'Connections to PostgreSQL (in_use, idle, limit), and requests waiting for one (waiting)',
  labelNames: ['state'] as const,
  registers,
})

export const stateBytes = new Gauge({
  name: 'state_bytes',
  help: 'Memory of protocol state: in use (held) and its maximum (limit); absent if Redis has no maxmemory',
  labelNames: ['state'] as const,
  registers,
})

// Read when the metrics are scraped (http/health.ts)

export const dependencyUp = new Gauge({
  name: 'dependency_up',
  help: '1 when the dependency answers, as in /health/ready',
  labelNames: ['dependency'] as const,
  registers,
})

export const registrySize = new Gauge({
  name: 'registry_clients',
  help: 'Registered portals in the memory of this node',
  registers,
})

export const registryRead = new Gauge({
  name: 'registry_read_timestamp_seconds',
  help: 'When this node last read the portals from the database',
  registers,
})

export const openCases = new Gauge({
  name: 'review_cases_open',
  help: 'Cases that wait for an operator',
  registers,
})

export const oldestCase = new Gauge({
  name: 'review_oldest_open_seconds',
  help: 'Age of the oldest open case; 0 when there is none',
  registers,
})

export const unfinishedImports = new Gauge({
  name: 'imports_unfinished',
  help: 'Imports in progress (running), and without progress for ten minutes and not started again (stuck)',
  labelNames: ['state'] as const,
  registers,
})

export const signingKeySince = new Gauge({
  name: 'signing_key_signs_from_timestamp_seconds',
  help: 'When the signing key of an algorithm starts or started to sign, by state (next, current)',
  labelNames: ['alg', 'state'] as const,
  registers,
})

export const clockSkew = new Gauge({
  name: 'clock_skew_seconds',
  help: "This node's clock minus the database's clock",
  registers,
})

export const operatorReviewDue = new Gauge({
  name: 'operator_review_due_timestamp_seconds',
  help: 'When the next access review of the operators is due; 0 without operators',
  registers,
})

export const watchRead = new Gauge({
  name: 'watch_read_timestamp_seconds',
  help: 'When the backlog (backlog) and the calendar of signing keys (keys) were last read',
  labelNames: ['what'] as const,
  registers,
})

export const housekeepingFailures = new Counter({
  name: 'housekeeping_failed_total',
  help: 'Failed housekeeping chores; each is tried again within the hour',
  labelNames: ['chore'] as const,
  registers,
})

export const spansExported = new Counter({
  name: 'trace_spans_total',
  help: 'Trace spans, by outcome (sent to the collector, lost)',
  labelNames: ['outcome'] as const,
  registers,
})

new Gauge({
  name: 'broker_build_info',
  help: 'Always 1; labels: version of the broker and of Node.js',
  labelNames: ['version', 'node'] as const,
  registers,
}).set({ version: manifest.version, node: process.versions.node }, 1)

// `increase()` misses the first increment of a series that starts at 1, so series that alerts use start at 0.
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
