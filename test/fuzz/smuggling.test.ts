import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessRecord } from '../../src/observe/mod.ts';
import { chooseSeed } from '../doubles/random.ts';
import { readAnswers } from './smuggling/answers.ts';
import { SmugglingChecker } from './smuggling/checker.ts';
import type { Counted } from './smuggling/counting-server.ts';
import { fuzzSmuggling, missingServer } from './smuggling/fuzz.ts';

test('edge, origins and visitors agree on what was asked, whatever is sent', { skip: missingServer() }, async () => {
  const found = await fuzzSmuggling({ seed: chooseSeed(), streams: 3_840 });
  const { disagreements, ...figures } = found;
  assert.deepEqual(disagreements, [], JSON.stringify(found));
  const { forwarded, refused, reusedConnections } = found.counts;
  // Without these the run would have shown nothing.
  assert.ok(forwarded > 2_000 && refused > 1_000 && reusedConnections > 2_000, JSON.stringify(figures));
});

const STREAM = { pieces: ['GET /ok/i1x0x HTTP/1.1\r\n\r\nGET /ok/i1x1x HTTP/1.1\r\n\r\n'], ending: 'wait' } as const;
const record = (RayID: string, ClientRequestURI: string): AccessRecord =>
  ({
    RayID,
    ClientRequestURI,
    ClientRequestMethod: 'GET',
    ClientRequestHost: 'nginx.a.test',
    EdgeResponseStatus: 200,
    OriginIP: '127.0.0.1',
    OriginResponseStatus: 200,
    OriginFailure: '',
  }) as AccessRecord;
const counted = (ray: string | null, id: string, nth = 1): Counted => ({
  connection: '1',
  nth,
  status: ray === null ? 400 : 200,
  ray,
  line: `GET /ok/${id} HTTP/1.1`,
});
const answer = (ray: string, originRay = ray) => ({ status: 200, ray, originRay, body: '', isComplete: true });

/** What the checker says of one visitor whose two requests were forwarded, but for what a case changes. */
function check(requests: readonly Counted[], answers = [answer('A'), answer('B')]): string[] {
  const checker = new SmugglingChecker();
  checker.sends(STREAM);
  checker.recorded(record('A', '/ok/i1x0x'));
  checker.recorded(record('B', '/ok/i1x1x'));
  for (const request of requests) checker.counted('nginx', request);
  checker.visited({ stream: STREAM, answers });
  checker.settle();
  return checker.disagreements.map(({ what }) => what);
}

const BOTH = [counted('A', 'i1x0x'), counted('B', 'i1x1x', 2)];
const CASES: readonly [
  name: string,
  requests: readonly Counted[],
  answers: ReturnType<typeof answer>[] | undefined,
  expected: RegExp,
][] = [
  [
    'a request that only the origin counts',
    [...BOTH, counted('C', 'i1x2x', 3)],
    undefined,
    /counted a request that the edge did not$/,
  ],
  ['one without a ray id', [...BOTH, counted(null, 'i1x2x', 3)], undefined, /no request of the edge explains/],
  ['one request counted twice', [...BOTH, counted('B', 'i1x1x', 3)], undefined, /counted one request twice/],
  ['a request that the origin does not count', BOTH.slice(0, 1), undefined, /did not count/],
  [
    'one that it counts but does not log',
    [BOTH[0]!, counted('B', 'i1x1x', 3)],
    undefined,
    /carried a request that was not counted/,
  ],
  ['another target', [BOTH[0]!, counted('B', 'i1x9x', 2)], undefined, /another target/],
  ['another order', [counted('B', 'i1x1x'), counted('A', 'i1x0x', 2)], undefined, /out of order/],
  ["another request's answer", BOTH, [answer('A', 'B'), answer('B', 'A')], /another request's answer/],
  ['answers in another order', BOTH, [answer('B'), answer('A')], /answers out of order/],
  ['an answer too few', BOTH, [answer('A')], /did not get the answer/],
  ['a cut answer', BOTH, [answer('A'), { ...answer('B'), isComplete: false }], /is cut/],
];
for (const [name, requests, answers, expected] of CASES) {
  test(`the checker finds ${name}`, () => assert.match(check(requests, answers).join('\n'), expected));
}

test('the checker finds an origin that waits for more', () => {
  const checker = new SmugglingChecker();
  checker.recorded({ ...record('A', '/ok/i1x0x'), OriginResponseStatus: 0, OriginFailure: 'read_timeout' });
  assert.match(checker.disagreements[0]!.what, /waits for more/);
});

test('the checker finds nothing where all agree', () => assert.deepEqual(check(BOTH), []));

test("answers are taken apart by their own framing, a HEAD's without its body", () => {
  const bytes =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nCF-Ray: A\r\nContent-Length: 9\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nCF-Ray: B\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nCF-Ray: C\r\nX-Ray: C\r\nContent-Length: 5\r\n\r\nab';
  const found = readAnswers(bytes, (ray) => (ray === 'A' ? 'HEAD' : 'GET'));
  assert.deepEqual(
    found.map(({ ray, originRay, body, isComplete }) => [ray, originRay, body, isComplete]),
    [
      ['A', null, '', true],
      ['B', null, 'abc', true],
      ['C', 'C', 'ab', false],
    ],
  );
});
