import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Certificates, HOSTNAME } from './certificates.ts';
import { SUITE } from './nginx.ts';

/** What wrk counted in one round. */
export interface Round {
  readonly requests: number;
  /** Received, answers cut off by the end of the round included. */
  readonly bytes: number;
  /** Microseconds. */
  readonly p50: number;
  /** Microseconds. */
  readonly p99: number;
}

const SCRIPT = `
function wrk.resolve() wrk.addrs = wrk.lookup("127.0.0.1", os.getenv("BENCH_PORT")) end
wrk.headers["Host"] = "${HOSTNAME}"
local upload = tonumber(os.getenv("BENCH_UPLOAD"))
if upload > 0 then wrk.method = "POST"; wrk.body = string.rep("u", upload) end
local keys = tonumber(os.getenv("BENCH_KEYS"))
if keys > 0 then
  function request()
    wrk.headers["X-Key"] = tostring(math.random(keys))
    return wrk.format()
  end
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('ROUND {"requests":%d,"bytes":%d,"errors":%d,"p50":%.0f,"p99":%.0f}\\n', summary.requests, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/**
 * GETs a path, or POSTs `upload` bytes to it, for some seconds over keep-alive connections, with one of `keys` values in `X-Key` if there are
 * any. Throws where anything but 200 came back.
 */
export async function wrk(
  certificates: Certificates,
  port: number,
  path: string,
  {
    seconds,
    connections,
    upload = 0,
    keys = 0,
  }: { seconds: number; connections: number; upload?: number; keys?: number },
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
    env: {
      ...process.env,
      BENCH_PORT: String(port),
      BENCH_UPLOAD: String(upload),
      BENCH_KEYS: String(keys),
      OPENSSL_CONF: openssl,
    },
  });
  const round = JSON.parse(/^ROUND (.*)$/m.exec(stdout)![1]!) as Round & { errors: number };
  if (round.errors > 0 || round.requests === 0) throw new Error(`port ${port}: ${stdout}`);
  return round;
}
