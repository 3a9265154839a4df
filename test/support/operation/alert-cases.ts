/** For each alert: series with which it fires, and series with one difference with which it does not. */
import type { AlertCase } from './promtool.ts'

type Series = Readonly<Record<string, string>>

const pair = (at: string, fires: Series, quiet: Series, every = '1m'): AlertCase[] => [
  { at, every, series: fires, fires: true },
  { at, every, series: { ...fires, ...quiet }, fires: false },
]
/** A counter that grows by `by` each minute. */
const grows = (by: number, minutes = 180) => `0+${by}x${minutes}`
const stays = (value: number, minutes = 180) => `${value}x${minutes}`
const daysAgo = (days: number) => stays(-days * 86_400)
const node = 'instance="a:3001",job="vneid-sso-gateway"'
const histogram = (name: string, labels: string, slow: boolean, edge: string) => ({
  [`${name}_bucket{${labels},le="${edge}"}`]: grows(slow ? 1 : 100),
  [`${name}_bucket{${labels},le="10"}`]: grows(100),
  [`${name}_bucket{${labels},le="+Inf"}`]: grows(100),
})

export const alertCases: Readonly<Record<string, readonly AlertCase[]>> = {
  LoginFailures: [
    ...pair(
      '30m',
      {
        'logins_total{outcome="completed",code=""}': grows(50),
        'logins_total{outcome="refused",code="upstream_unavailable"}': grows(10),
      },
      { 'logins_total{outcome="refused",code="upstream_unavailable"}': grows(1) },
    ),
    {
      at: '30m',
      series: {
        'logins_total{outcome="completed",code=""}': grows(50),
        'logins_total{outcome="refused",code="upstream_refused"}': grows(50),
      },
      fires: false,
    },
  ],
  LoginsStopped: pair(
    '1500m',
    { 'logins_total{outcome="completed",code=""}': '0+5x1400 7000x200' },
    { 'logins_total{outcome="completed",code=""}': '0+5x1600' },
    '30m',
  ),
  CitizensGiveUp: pair(
    '90m',
    { 'upstream_trips_total{step="begun"}': grows(10), 'upstream_trips_total{step="returned"}': grows(3) },
    { 'upstream_trips_total{step="returned"}': grows(8) },
  ),
  ServerErrors: pair(
    '20m',
    {
      'http_request_duration_seconds_count{route="token",status="200"}': grows(100),
      'http_request_duration_seconds_count{route="token",status="503"}': grows(10),
    },
    { 'http_request_duration_seconds_count{route="token",status="503"}': grows(1) },
  ),
  SlowRequests: pair(
    '40m',
    histogram('http_request_duration_seconds', 'route="token",status="200"', true, '0.5'),
    histogram('http_request_duration_seconds', 'route="token",status="200"', false, '0.5'),
  ),
  PortalRequestsRefused: [
    ...pair(
      '40m',
      { 'protocol_refusals_total{request="grant",error="invalid_client"}': grows(60) },
      { 'protocol_refusals_total{request="grant",error="invalid_client"}': grows(6) },
    ),
    {
      at: '40m',
      series: { 'protocol_refusals_total{request="authorization",error="invalid_request"}': grows(60) },
      fires: false,
    },
  ],
  LogoutUndelivered: pair(
    '60m',
    {
      'logout_deliveries_total{client="a",outcome="failed"}': grows(2),
      'logout_deliveries_total{client="a",outcome="delivered"}': grows(1),
    },
    { 'logout_deliveries_total{client="a",outcome="failed"}': '0+1x3 4x200' },
  ),
  SecretExpiring: pair(
    '10m',
    { 'client_secret_expires_timestamp_seconds{client="a"}': stays(10 * 86_400) },
    { 'client_secret_expires_timestamp_seconds{client="a"}': stays(20 * 86_400) },
  ),
  RequestsLimited: pair(
    '40m',
    { 'limited_total{group="token",dimension="client"}': grows(200) },
    { 'limited_total{group="token",dimension="client"}': grows(10) },
  ),
  VNeIDUnavailable: [
    ...pair(
      '20m',
      {
        'upstream_call_duration_seconds_count{kind="token",outcome="answered"}': grows(10),
        'upstream_call_duration_seconds_count{kind="token",outcome="unavailable"}': grows(10),
      },
      { 'upstream_call_duration_seconds_count{kind="token",outcome="unavailable"}': grows(1) },
    ),
    { at: '20m', series: { 'dependency_up{dependency="upstream"}': stays(0) }, fires: true },
    { at: '20m', series: { 'dependency_up{dependency="upstream"}': stays(1) }, fires: false },
  ],
  VNeIDSlow: pair(
    '40m',
    histogram('upstream_call_duration_seconds', 'kind="token",outcome="answered"', true, '2.5'),
    {
      ...histogram('upstream_call_duration_seconds', 'kind="token",outcome="answered"', false, '2.5'),
      'upstream_call_duration_seconds_bucket{kind="token",outcome="answered",le="0.5"}': grows(99),
    },
  ),
  VNeIDAnswersInvalid: pair(
    '20m',
    { 'failures_total{code="upstream_answer_invalid"}': grows(1) },
    { 'failures_total{code="upstream_answer_invalid"}': '0x10 1x60' },
  ),
  VNeIDRejectsUs: pair(
    '20m',
    { 'failures_total{code="upstream_rejected_us"}': grows(1) },
    { 'failures_total{code="upstream_rejected_us"}': stays(5) },
  ),
  BrokerDown: [
    ...pair('10m', { [`up{${node}}`]: stays(0) }, { [`up{${node}}`]: stays(1) }),
    { at: '10m', series: { 'up{job="other"}': stays(1) }, fires: true },
  ],
  BrokerNotReady: pair(
    '10m',
    { [`dependency_up{dependency="database",${node}}`]: stays(0) },
    {
      [`dependency_up{dependency="database",${node}}`]: stays(1),
      [`dependency_up{dependency="upstream",${node}}`]: stays(0),
    },
  ),
  MigrationPending: pair(
    '10m',
    { 'dependency_up{dependency="migrations"}': stays(0) },
    { 'dependency_up{dependency="migrations"}': stays(1) },
  ),
  EventLoopLag: pair(
    '10m',
    { nodejs_eventloop_lag_p99_seconds: stays(0.5) },
    { nodejs_eventloop_lag_p99_seconds: stays(0.05) },
  ),
  ClockSkew: pair('10m', { clock_skew_seconds: stays(-3) }, { clock_skew_seconds: stays(0.5) }),
  RegistryStale: pair(
    '10m',
    { registry_read_timestamp_seconds: stays(0) },
    { registry_read_timestamp_seconds: '0+60x30' },
  ),
  WatchStale: pair(
    '20m',
    { 'watch_read_timestamp_seconds{what="backlog"}': stays(0) },
    { 'watch_read_timestamp_seconds{what="backlog"}': '0+60x30' },
  ),
  HousekeepingFails: pair(
    '140m',
    { 'housekeeping_failed_total{chore="fold"}': '0x60 1x59 2x60' },
    { 'housekeeping_failed_total{chore="fold"}': '0x60 1x120' },
  ),
  TracesLost: pair(
    '60m',
    { 'trace_spans_total{outcome="lost"}': grows(10) },
    { 'trace_spans_total{outcome="lost"}': stays(10) },
  ),
  StoreUnavailable: pair(
    '20m',
    { 'store_errors_total{store="database"}': grows(3) },
    { 'store_errors_total{store="database"}': stays(3) },
  ),
  StoreSlow: pair(
    '40m',
    histogram('store_duration_seconds', 'store="state"', true, '0.1'),
    histogram('store_duration_seconds', 'store="state"', false, '0.1'),
  ),
  DatabasePoolExhausted: pair(
    '20m',
    { 'database_connections{state="waiting"}': stays(3) },
    { 'database_connections{state="waiting"}': '0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0' },
  ),
  StateStoreNearlyFull: pair(
    '20m',
    { 'state_bytes{state="held"}': stays(90), 'state_bytes{state="limit"}': stays(100) },
    { 'state_bytes{state="held"}': stays(50) },
  ),
  SigningKeyOverdue: pair(
    '3h',
    { 'signing_key_signs_from_timestamp_seconds{alg="ES256",state="current"}': daysAgo(98) },
    { 'signing_key_signs_from_timestamp_seconds{alg="ES256",state="next"}': stays(86_400) },
  ),
  AuditCheckpointLate: pair(
    '20m',
    { audit_checkpoint_lag_seconds: stays(1_000) },
    { audit_checkpoint_lag_seconds: stays(60) },
  ),
  AccessReviewOverdue: pair(
    '3h',
    { operator_review_due_timestamp_seconds: stays(60) },
    { operator_review_due_timestamp_seconds: stays(0) },
  ),
  ImportStuck: pair(
    '20m',
    { 'imports_unfinished{state="stuck"}': stays(1), 'imports_unfinished{state="running"}': stays(1) },
    { 'imports_unfinished{state="stuck"}': stays(0) },
  ),
  ReviewBacklogGrowing: pair(
    '10200m',
    { review_cases_open: '100x10080 400x200' },
    { review_cases_open: '100x10080 140x200' },
    '1h',
  ),
  ReviewBacklogOld: pair(
    '3h',
    { review_oldest_open_seconds: stays(15 * 86_400) },
    { review_oldest_open_seconds: stays(86_400) },
  ),
}
