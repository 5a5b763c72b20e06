import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cpuMicroseconds, freePorts, reachable, start } from './processes.ts';
import { median } from './statistics.ts';
import { HEADERS, TARGET, typicalMaps } from './typical-rules.ts';

/** CPU microseconds of a request. */
export interface NginxCosts {
  readonly none: number;
  readonly ten: number;
  readonly thousand: number;
  readonly limited: number;
}

const ROUNDS = 5;

/**
 * What the nearest thing to the same rules costs in nginx: `map`, `geo`, `if` and `limit_req` before an answer of its own, over plain
 * HTTP. One nginx each, one worker, asked in turn; the cost is that of the whole request.
 */
export async function nginxRules(): Promise<NginxCosts> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const kinds = { none: 0, ten: 10, thousand: 1000, limited: 10 } as const;
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  const ports = await freePorts(names.length);
  const running = await Promise.all(
    names.map(async (name, i) => {
      const limit = name === 'limited' ? 'limit_req zone=visitors burst=1000000 nodelay;' : '';
      const program = startNginx(join(directory, name), ports[i]!, kinds[name], limit);
      await reachable(program, ports[i]!);
      return { name, port: ports[i]!, program, costs: [] as number[] };
    }),
  );
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { port, program, costs } of running) {
        const before = cpuMicroseconds(program.pid);
        const requests = await load(port);
        // The first round warms up.
        if (round > 0) costs.push((cpuMicroseconds(program.pid) - before) / requests);
      }
    }
    return Object.fromEntries(running.map(({ name, costs }) => [name, median(costs)])) as unknown as NginxCosts;
  } finally {
    await Promise.all(running.map(({ program }) => program.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

function startNginx(prefix: string, port: number, count: number, limit: string): ReturnType<typeof start> {
  mkdirSync(prefix);
  const { maps, variables } = typicalMaps(count);
  const all = variables.map((name) => `$${name}`).join('');
  const check = count === 0 ? '' : `set $found "${all}"; if ($found ~ 1) { return 403; }`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`);
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root root;' : ''} daemon off; worker_processes 1; pid ${prefix}/pid; error_log stderr error;
events { worker_connections 1024; }
http { ${temporary.join(' ')} access_log off; keepalive_requests 100000000; map_hash_max_size 16384; map_hash_bucket_size 256;
  limit_req_zone $binary_remote_addr zone=visitors:1m rate=1000000r/s;
  ${maps}
  server { listen 127.0.0.1:${port}; ${limit} ${check} location / { return 200 "fine"; } } }`,
  );
  return start('nginx', ['-p', prefix, '-e', 'stderr', '-c', join(prefix, 'nginx.conf')]);
}

/** Asks for a second over some connections. Resolves with the number of answers, all of them 200. */
async function load(port: number): Promise<number> {
  const headers = HEADERS.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const url = `http://127.0.0.1:${port}${TARGET}`;
  const { stdout } = await promisify(execFile)('wrk', ['-t1', '-c16', '-d1s', ...headers, url]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`nginx on port ${port}: ${stdout}`);
  return requests;
}
