import type { DoctorReport, Enforcement } from '../core/mod.ts';
import type { ApiCounters } from './api-counters.ts';
import type { CounterTotals } from './edge-counters.ts';
import { metric, number } from './prometheus.ts';

/** A client certificate that the edge may present, or the first visitor certificate that ends. */
export interface CertificateFact {
  readonly id: string;
  readonly level: 'hostname' | 'zone' | 'global' | 'none';
  readonly scope: 'origin_pull' | 'visitor';
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** What the metrics tell. Durations are in seconds. */
export interface MetricFacts {
  readonly version: string;
  readonly runtime: string;
  readonly uptime: number;
  readonly edge: CounterTotals;
  readonly api: ApiCounters;
  readonly certificates: Iterable<CertificateFact>;
  /** Change numbers: published, and in use by every worker. */
  readonly snapshot: { readonly control: number; readonly edge: number };
  readonly workers: { readonly ready: number; readonly starting: number; readonly draining: number };
  /** How long the slowest worker has owed an acknowledgement. */
  readonly ackLag: number;
  /** Addresses of origins, by what they do with somebody who presents no certificate. */
  readonly originProofs: Readonly<Record<Enforcement, number>>;
  /** Origins by the doctor's last verdict; null where the store cannot say. */
  readonly verdicts: Readonly<Record<DoctorReport['verdict'], number>> | null;
}

/** All metrics as Prometheus text. Names are a contract: docs/operating.md lists them. */
export function renderMetrics(facts: MetricFacts): string {
  return [
    installation(facts),
    visitors(facts.edge),
    origins(facts.edge),
    proofs(facts),
    distribution(facts),
    api(facts),
  ].join('');
}

function installation({ version, runtime, uptime, certificates }: MetricFacts): string {
  return [
    metric('countersign_build_info', 'gauge', 'Version and runtime; always 1.', [
      { labels: { version, runtime }, value: 1 },
    ]),
    metric('countersign_uptime_seconds', 'gauge', 'Time since the control plane started.', [{ value: uptime }]),
    metric(
      'countersign_certificate_not_after_timestamp_seconds',
      'gauge',
      'When a certificate ends. Visitor certificates: the one that ends first.',
      [...certificates].map(({ id, level, scope, notAfter }) => ({
        labels: { certificate: id, level, scope },
        value: Math.floor(notAfter / 1000),
      })),
    ),
  ].join('');
}

function visitors(edge: CounterTotals): string {
  const { buckets, sum } = edge.durations();
  return [
    metric(
      'countersign_http_requests_total',
      'counter',
      "Visitors' requests that are over; class none where the visitor went before an answer.",
      [...edge.requests()].map(({ method, statusClass, protocol, count }) => ({
        labels: { method, status: statusClass, protocol },
        value: count,
      })),
    ),
    metric(
      'countersign_http_request_duration_seconds',
      'histogram',
      'From the request head to the end of the answer.',
      [
        ...buckets.map(({ bound, count }) => ({
          suffix: '_bucket' as const,
          labels: { le: number(bound) },
          value: count,
        })),
        { suffix: '_sum', value: sum },
        { suffix: '_count', value: buckets.at(-1)!.count },
      ],
    ),
    metric('countersign_http_requests_in_flight', 'gauge', 'Requests that have begun and are not over.', [
      { value: edge.inFlight },
    ]),
    metric('countersign_log_dropped_total', 'counter', 'Lines of the access log that nobody took in time.', [
      { value: edge.logDropped },
    ]),
  ].join('');
}

function origins(edge: CounterTotals): string {
  const connections = edge.connections();
  return [
    metric(
      'countersign_origin_handshakes_total',
      'counter',
      'TLS handshakes with origins, by the level of the client certificate.',
      [...edge.handshakes()].map(({ level, outcome, count }) => ({ labels: { level, outcome }, value: count })),
    ),
    metric(
      'countersign_origin_connections',
      'gauge',
      'Open connections to origins.',
      connections.map(({ level, open }) => ({ labels: { level }, value: open })),
    ),
    metric(
      'countersign_origin_connections_reused_total',
      'counter',
      'Requests that took a connection which was open already.',
      connections.map(({ level, reused }) => ({ labels: { level }, value: reused })),
    ),
  ].join('');
}

function proofs({ originProofs, verdicts }: MetricFacts): string {
  const addresses = metric(
    'countersign_origin_addresses',
    'gauge',
    'Addresses that were presented a certificate, by whether they refuse a connection without one.',
    Object.entries(originProofs).map(([proof, value]) => ({ labels: { proof }, value })),
  );
  if (verdicts === null) return addresses;
  return `${addresses}${metric(
    'countersign_doctor_origins',
    'gauge',
    "Origins by the doctor's last verdict.",
    Object.entries(verdicts).map(([verdict, value]) => ({ labels: { verdict }, value })),
  )}`;
}

function distribution({ snapshot, workers, ackLag }: MetricFacts): string {
  return [
    metric('countersign_snapshot_version', 'gauge', 'Change number: published, and in use by every worker.', [
      { labels: { node: 'control' }, value: snapshot.control },
      { labels: { node: 'edge' }, value: snapshot.edge },
    ]),
    metric('countersign_fleet_nodes', 'gauge', 'Workers of the edge.', [
      { labels: { state: 'ready' }, value: workers.ready },
      { labels: { state: 'starting' }, value: workers.starting },
      { labels: { state: 'draining' }, value: workers.draining },
    ]),
    metric('countersign_fleet_ack_lag_seconds', 'gauge', 'How long the slowest worker has owed an acknowledgement.', [
      { value: ackLag },
    ]),
  ].join('');
}

function api({ api: counters }: MetricFacts): string {
  return [
    metric(
      'countersign_api_requests_total',
      'counter',
      'Requests of the API, by route and HTTP status.',
      [...counters.requests()].map(({ route, method, status, count }) => ({
        labels: { route, method, code: status },
        value: count,
      })),
    ),
    metric(
      'countersign_api_errors_total',
      'counter',
      'Errors that the API answered, by their code.',
      [...counters.errors()].map(([code, count]) => ({ labels: { code }, value: count })),
    ),
  ].join('');
}
