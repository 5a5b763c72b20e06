import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiCounters, CounterTotals, EdgeCounters, levelIndex, renderMetrics } from './mod.ts';

function render(edge: CounterTotals, api = new ApiCounters()): string[] {
  return renderMetrics({
    version: '1.2.3',
    runtime: 'test "1"\n\\',
    uptime: 1.5,
    edge,
    api,
    certificates: [{ id: 'abc', level: 'zone', scope: 'origin_pull', notAfter: 1_700_000_000_999 }],
    snapshot: { control: 7, edge: 6 },
    workers: { ready: 1, starting: 1, draining: 0 },
    ackLag: 0.25,
    originProofs: { enforced: 2, not_enforced: 1, unknown: 0 },
    verdicts: { closed: 3, open: 0, unknown: 1 },
  }).split('\n');
}

test('totals add up over workers and outlive them; gauges are those of the living', () => {
  const [first, second] = [new EdgeCounters(), new EdgeCounters()];
  const totals = new CounterTotals();
  for (const counters of [first, second]) {
    counters.requestBegan();
    counters.requestBegan();
    counters.requestOver('GET', 200, 'HTTP/1.1', 3);
    counters.connectionOpened(levelIndex('zone'));
    counters.connectionReused(levelIndex('zone'));
    counters.handshake(levelIndex('zone'), 'ok');
    totals.add(counters, counters.report());
  }
  // A report tells only what is new.
  first.requestOver('BREW', 0, 'HTTP/2', 200_000);
  totals.add(first, first.report());
  totals.add(first, first.report());
  totals.remove(second);
  const text = render(totals);
  for (const line of [
    'countersign_http_requests_total{method="GET",status="2xx",protocol="HTTP/1.1"} 2',
    'countersign_http_requests_total{method="_OTHER",status="none",protocol="HTTP/2"} 1',
    'countersign_http_request_duration_seconds_bucket{le="0.0025"} 0',
    'countersign_http_request_duration_seconds_bucket{le="0.005"} 2',
    'countersign_http_request_duration_seconds_bucket{le="125"} 2',
    'countersign_http_request_duration_seconds_bucket{le="+Inf"} 3',
    'countersign_http_request_duration_seconds_sum 200.006',
    'countersign_http_request_duration_seconds_count 3',
    'countersign_http_requests_in_flight 0',
    'countersign_origin_handshakes_total{level="zone",outcome="ok"} 2',
    'countersign_origin_connections{level="zone"} 1',
    'countersign_origin_connections_reused_total{level="zone"} 2',
  ])
    assert.ok(text.includes(line), `${line} is missing in\n${text.join('\n')}`);
});

test('a report of another layout changes nothing', () => {
  const totals = new CounterTotals();
  totals.add({}, { added: [1, 2, 3], gauges: [4] });
  assert.ok(render(totals).includes('countersign_http_requests_in_flight 0'));
});

test('the text is what Prometheus reads: each metric described once, label values escaped', () => {
  const api = new ApiCounters();
  api.request('/client/v4/zones/:zone_id', 'GET', 200);
  api.request('/client/v4/zones/:zone_id', 'GET', 200);
  api.error(7003);
  const text = render(new CounterTotals(), api);
  assert.ok(text.includes('countersign_build_info{version="1.2.3",runtime="test \\"1\\"\\n\\\\"} 1'));
  assert.ok(
    text.includes('countersign_api_requests_total{route="/client/v4/zones/:zone_id",method="GET",code="200"} 2'),
  );
  assert.ok(text.includes('countersign_api_errors_total{code="7003"} 1'));
  assert.ok(
    text.includes(
      'countersign_certificate_not_after_timestamp_seconds{certificate="abc",level="zone",scope="origin_pull"} 1700000000',
    ),
  );
  const described = text.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]!);
  assert.equal(new Set(described).size, described.length);
  assert.equal(text.at(-1), '', 'the last line ends with a line feed');
  for (const line of text.slice(0, -1)) {
    assert.match(line, /^(# (HELP|TYPE) countersign_[a-z_]+ \S.*|countersign_[a-z_]+(\{.*\})? (-?\d+(\.\d+)?|\+Inf))$/);
    const name = /^countersign_[a-z_]+/.exec(line)?.[0];
    if (name !== undefined)
      assert.ok(
        described.some((known) => name.startsWith(known)),
        line,
      );
  }
});
