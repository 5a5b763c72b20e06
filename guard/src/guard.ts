import { constants } from 'node:crypto';
import { addressMatcher } from './client-cert-header.ts';
import { type Decision, decide, type Entrance, type Grounds } from './decide.ts';
import { Door } from './door.ts';
import { HostTable } from './hostname.ts';
import { type Middleware, middlewareOf } from './middleware.ts';
import { type GuardOptions, type OriginPull, refuseUnknown } from './options.ts';
import { alternativesOf, filesOfRequirement } from './policy.ts';
import { REFUSALS, type RefusalCode } from './refusal.ts';
import { type GuardedRequest, socketOf } from './request.ts';
import { type CreateServer, createServerWith } from './server.ts';
import { statesOf, watchFiles } from './watch.ts';

/** TLS options for `https`, `http2` and `tls` servers. */
export interface GuardTlsOptions {
  readonly requestCert: true;
  readonly rejectUnauthorized: false;
  readonly ca: string[];
  readonly minVersion: 'TLSv1.2';
  readonly secureOptions: number;
}

/** What came of a request. */
export interface Verdict {
  /** Null where it is to be answered; in mode `observe` that is always. */
  readonly refusal: RefusalCode | null;
  /** For the application. */
  readonly originPull: OriginPull;
}

/** Counts since the start. */
export interface GuardStats {
  /** By level; `unnamed` where the host's rule names none. */
  readonly accepted: Readonly<Record<string, number>>;
  /** By code; in mode `observe`, what `enforce` would have refused. */
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>;
  /** How often changed files were taken. */
  readonly reloads: number;
  /** Hosts whose changed files could not be used, so that what was read before is in use; why, by host. */
  readonly trustProblems: Readonly<Record<string, string>>;
}

/** Decides who may talk to an origin. */
export interface Guard extends Middleware {
  readonly mode: 'observe' | 'enforce';
  readonly tlsOptions: GuardTlsOptions;
  /** Decides about a request, once: asked again about the same request, it says the same. */
  check(request: GuardedRequest): Verdict;
  /** An https server all of whose requests, upgrades and tunnels the guard decides about. Works on Node and Bun. */
  readonly createServer: CreateServer;
  stats(): GuardStats;
  /** Stops watching files. What was read last stays in use. */
  close(): void;
}

/** Makes a guard. Throws where an option or a file that it names cannot be relied on. */
export function createGuard(options: GuardOptions): Guard {
  refuseUnknown(options, 'options', 'the options of createGuard()');
  const { mode, now = Date.now } = options;
  if (mode !== 'observe' && mode !== 'enforce') throw new Error('"mode" must be "observe" or "enforce"');
  if (options.clientCertHeader !== undefined)
    refuseUnknown(options.clientCertHeader, 'clientCertHeader', '"clientCertHeader"');
  const isProxy = options.clientCertHeader === undefined ? null : addressMatcher(options.clientCertHeader.from);
  const { hosts, doors, close, counts } = openDoors(options, now);
  const refused: Grounds['refused'] = new WeakMap();
  const verdicts = new WeakMap<GuardedRequest, Verdict>();
  const accepted = new Map<string, number>();
  const refusals = new Map<RefusalCode, number>();

  const tell = (request: GuardedRequest, { code, host, serverName, leaf }: Decision) => {
    if (code === null) return;
    const who = { fingerprint: leaf?.fingerprint ?? null, subject: leaf?.subjectText ?? null };
    const from = { method: request.method ?? null, remoteAddress: socketOf(request)?.remoteAddress ?? null };
    quietly(() =>
      options.onRefusal?.({ code, message: REFUSALS[code][1], mode, host, serverName, ...who, ...from, at: now() }),
    );
  };

  const check = (request: GuardedRequest): Verdict => {
    const known = verdicts.get(request);
    if (known !== undefined) return known;
    const decision = attempt(() => decide(request, { hosts, isProxy, refused, generation: counts.reloads }, now()));
    const { code, level, host, leaf } = decision;
    if (code === null) count(accepted, level ?? 'unnamed');
    else count(refusals, code);
    tell(request, decision);
    const originPull = { host, level, fingerprint: leaf?.fingerprint ?? null, subject: leaf?.subjectText ?? null };
    const verdict: Verdict = {
      refusal: mode === 'enforce' ? code : null,
      originPull: Object.freeze(code === null ? originPull : { ...originPull, refused: code }),
    };
    verdicts.set(request, verdict);
    return verdict;
  };

  const tlsOptions = makeTlsOptions();
  return {
    mode,
    tlsOptions,
    check,
    ...middlewareOf(check),
    createServer: createServerWith(check, tlsOptions),
    stats: () => ({
      accepted: Object.fromEntries(accepted),
      refused: Object.fromEntries(refusals),
      reloads: counts.reloads,
      trustProblems: Object.fromEntries(
        doors.flatMap(({ host, problem }) => (problem === null ? [] : [[host, problem]])),
      ),
    }),
    close,
  };
}

interface WatchedDoor {
  readonly door: Door;
  /** The first host that uses it. */
  readonly host: string;
  readonly files: readonly string[];
  problem: string | null;
}

/** Reads all rules, and reads again what changes. Hosts with equal requirements share a door, its files and its memory. */
function openDoors(options: GuardOptions, now: () => number) {
  const hosts = new HostTable<readonly Entrance[]>();
  const counts = { reloads: 0 };
  const rules = Object.entries(options.hosts ?? {}).map(
    ([host, rule]) => [host, alternativesOf(host, rule, options)] as const,
  );
  if (rules.length === 0) throw new Error('"hosts" is empty: name the hosts that this origin answers for');
  const requirements = rules.flatMap(([, alternatives]) => alternatives.map(({ requirement }) => requirement));
  const states = statesOf([...new Set(requirements.flatMap(filesOfRequirement))]);
  const byRequirement = new Map<string, WatchedDoor>();
  for (const [host, alternatives] of rules) {
    const entrances = alternatives.map(({ level, requirement }) => {
      const key = JSON.stringify(requirement);
      const shared = byRequirement.get(key) ?? {
        door: new Door(requirement, now()),
        host,
        files: filesOfRequirement(requirement),
        problem: null,
      };
      byRequirement.set(key, shared);
      return { level, door: shared.door };
    });
    hosts.add(host, entrances);
  }
  const doors = [...byRequirement.values()];
  const close = watchFiles(states, (changed) => {
    for (const watched of doors.filter(({ files }) => files.some((file) => changed.has(file)))) {
      try {
        watched.door.reload(now());
        watched.problem = null;
        counts.reloads++;
      } catch (error) {
        const { message } = error as Error;
        watched.problem = message;
        quietly(() => options.onTrustProblem?.({ host: watched.host, message }));
      }
    }
  });
  return { hosts, doors, close, counts };
}

/**
 * The guard decides by host and can explain itself, so OpenSSL must neither refuse for it nor fill in CAs of its own: an empty
 * list of CAs keeps the ones of the system out. Session tickets are off: a resumed session shows the leaf only, and where
 * several contexts serve one port, Node resumes a session of one in another.
 */
function makeTlsOptions(): GuardTlsOptions {
  return {
    requestCert: true,
    rejectUnauthorized: false,
    ca: [],
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

const FAILED: Decision = { code: 'guard_failed', level: null, host: null, serverName: null, leaf: null };

function attempt(decideNow: () => Decision): Decision {
  try {
    return decideNow();
  } catch {
    return FAILED;
  }
}

/** A log that fails must not decide about requests. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {}
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
