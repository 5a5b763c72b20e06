import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Certificates, HOSTNAME } from './certificates.ts';
import { SUITE } from './nginx.ts';

/** What wrk counted in one round. */
export interface Round {
  readonly requests: number;
  /** Microseconds. */
  readonly p50: number;
  /** Microseconds. */
  readonly p99: number;
}

const SCRIPT = `
function wrk.resolve() wrk.addrs = wrk.lookup("127.0.0.1", os.getenv("BENCH_PORT")) end
wrk.headers["Host"] = "${HOSTNAME}"
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('ROUND {"requests":%d,"errors":%d,"p50":%.0f,"p99":%.0f}\\n', summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** GETs a path for some seconds over keep-alive connections. Throws where anything but 200 came back. */
export async function wrk(
  certificates: Certificates,
  port: number,
  path: string,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Round> {
  const script = join(certificates.directory, 'wrk.lua');
  const openssl = join(certificates.directory, 'openssl.cnf');
  writeFileSync(script, SCRIPT);
  writeFileSync(
    openssl,
    `openssl_conf = o\n[o]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nCiphersuites = ${SUITE}\n`,
  );
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '10s',
    '-s',
    script,
    `https://${HOSTNAME}${path}`,
  ];
  const { stdout } = await promisify(execFile)('wrk', args, {
    env: { ...process.env, BENCH_PORT: String(port), OPENSSL_CONF: openssl },
  });
  const round = JSON.parse(/^ROUND (.*)$/m.exec(stdout)![1]!) as Round & { errors: number };
  if (round.errors > 0 || round.requests === 0) throw new Error(`port ${port}: ${stdout}`);
  return round;
}
