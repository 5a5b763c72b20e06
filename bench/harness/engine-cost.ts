// Measures what the edge itself does for a request, between a visitor and an origin that are no sockets. Prints the numbers as one line of
// JSON. Started by `bench/engine.ts`.
import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { DEFAULT_LIMITS } from '../../src/core/mod.ts';
import { Http1Connection } from '../../src/edge/http1/connection.ts';
import { Edge } from '../../src/edge/mod.ts';
import { OriginConnection } from '../../src/edge/origin-connection.ts';
import { join } from '../../src/platform/join.ts';
import {
  type Part,
  type PeerSocket,
  systemAddresses,
  systemClock,
  systemRandom,
  systemResolve,
} from '../../src/platform/mod.ts';
import { MemoryCounters } from '../../src/waf/mod.ts';

const HOSTNAME = 'www.a.test';
const VISITORS = 50;
const ROUNDS = 7;
const REQUESTS = 40_000;

/** As wrk asks, and as a browser does. */
const HEADS = {
  short: [],
  browser: [
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Language: en-US,en;q=0.9',
    'Cookie: a=b; c=d; session=0123456789abcdef',
    'Cache-Control: no-cache',
  ],
};
/** As nginx answers. */
const ANSWER = Buffer.concat([
  message([
    'HTTP/1.1 200 OK',
    'Server: nginx/1.22.1',
    'Date: Wed, 25 Nov 2026 20:00:00 GMT',
    'Content-Type: application/octet-stream',
    'Content-Length: 1024',
    'Last-Modified: Wed, 25 Nov 2026 19:00:00 GMT',
    'Connection: keep-alive',
    'ETag: "6925ff10-400"',
    'Accept-Ranges: bytes',
  ]),
  Buffer.alloc(1024, 'x'),
]);

function message(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

const isBun = process.versions.bun !== undefined;
const OUT = Buffer.alloc(64 * 1024);

/** Takes what is written as a socket would, and gives it to nobody. */
class Sink extends EventEmitter {
  readonly destroyed = false;
  readonly writableLength = 0;
  readonly remoteAddress = '127.0.0.1';
  writes = 0;

  write(data: string | Buffer): boolean {
    if (typeof data === 'string') OUT.write(data, 0, 'latin1');
    this.writes++;
    return true;
  }

  writeJoined(parts: Part[], length: number): boolean {
    if (isBun) join(parts, OUT);
    else join(parts, Buffer.allocUnsafe(length));
    this.writes++;
    return true;
  }

  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

const edge = new Edge({
  limits: DEFAULT_LIMITS,
  clock: systemClock,
  raySeed: systemRandom.bytes(8),
  site: 'LOC',
  randomBytes: systemRandom.bytes,
  wafFailure: 'closed',
  findPlace: null,
  rateCounters: new MemoryCounters(() => systemClock.now()),
  unseal: (sealed) => sealed,
  requestCertificate: async () => false,
  deriveTicketKeys: () => new Uint8Array(48),
  log: null,
  logger: null,
  resolve: systemResolve,
  proveOrigin: null,
  localAddresses: systemAddresses,
  balancers: [],
});
edge.load({
  number: 1,
  entries: [
    {
      kind: 'zone',
      id: 'z1',
      name: 'a.test',
      accountId: 'acc',
      ssl: 'off',
      tlsClientAuth: false,
      originTlsClientAuth: false,
      certificateIds: [],
    },
    {
      kind: 'hostname',
      zoneId: 'z1',
      hostname: HOSTNAME,
      association: null,
      origin: { addresses: ['127.0.0.1'], httpPort: 1, httpsPort: 1, sni: null, hostHeader: null },
    },
  ],
});
const { pool } = edge.route(HOSTNAME, 'http', null);
const origin = new Sink();
pool!.connect = (exchange, index) => void new OriginConnection(pool!, exchange, index, origin as PeerSocket);
const visitors = Array.from({ length: VISITORS }, () => {
  const visitor = new Sink();
  new Http1Connection(edge, visitor as PeerSocket, { address: '127.0.0.1', sni: null });
  return visitor;
});

/** One request at a time, from one visitor after the other. */
function ask(head: Buffer, count: number): void {
  for (let i = 0; i < count; i++) {
    const visitor = visitors[i % VISITORS]!;
    visitor.emit('data', Buffer.from(head));
    origin.emit('data', Buffer.from(ANSWER));
    if (visitor.writes !== 1 || origin.writes !== 1) throw new Error('a request was not answered by one write');
    visitor.writes = origin.writes = 0;
  }
}

/** CPU microseconds a request: the least of the rounds, because others can only add to it. */
function cost(lines: readonly string[]): number {
  const head = message(['GET /some/path?x=1 HTTP/1.1', `Host: ${HOSTNAME}`, ...lines]);
  ask(head, REQUESTS);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    ask(head, REQUESTS);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / REQUESTS;
  });
  return Math.min(...rounds);
}

process.stdout.write(`${JSON.stringify({ short: cost(HEADS.short), browser: cost(HEADS.browser) })}\n`);
process.exit();
